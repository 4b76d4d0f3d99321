/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_internal.h"

#include <stdlib.h>
#include <string.h>

#define WFI_THUMB 0xBF30u   /* ARMv7-M ARM, A7.7.261 */
#define WFI_ARM 0xE320F003u /* ARMv7-A ARM, A8.8.425 */

struct grant *find_grant(core *c, uint32_t address)
{
    for (size_t i = 0; i < c->grant_count; i++) {
        if (address - c->grants[i].base < c->grants[i].size) {
            return &c->grants[i];
        }
    }
    return NULL;
}

bool waits_before(core *c, uint32_t end)
{
    uint32_t size = c->arm ? 4 : 2;
    const struct grant *g = find_grant(c, end - size);
    if (g == NULL || g->host == NULL) {
        return false;
    }
    const uint8_t *code = g->host + (end - size - g->base);
    uint32_t instruction = 0;
    memcpy(&instruction, code, size); /* both ends are little-endian */
    return instruction == (c->arm ? WFI_ARM : WFI_THUMB);
}

/* Where the engine is to start: bit 0 selects Thumb state anew each time. */
static uint64_t start_address(const core *c)
{
    return c->arm ? c->pc : c->pc | 1u;
}

void stop_with(core *c, enum core_stop why)
{
    if (!c->stopped) {
        c->stopped = true;
        c->stop = why;
    }
    uc_emu_stop(c->uc);
}

/* ---- budget, breakpoints and the trail of blocks ---- */

/* Thumb: a halfword whose top five bits are 0b11101, 0b11110 or 0b11111 begins a 32-bit instruction. */
static uint32_t count_thumb(const uint8_t *code, uint32_t size)
{
    uint32_t n = 0;
    for (uint32_t at = 0; at + 1 < size; n++) {
        at += (code[at + 1] >> 3) >= 0x1Du ? 4 : 2;
    }
    return n;
}

static uint32_t block_instructions(core *c, uint32_t address, uint32_t size)
{
    struct block *b = &c->blocks[(address >> 1) & (BLOCK_CACHE - 1u)];
    if (b->address != address || b->size != size) {
        const struct grant *g = find_grant(c, address);
        b->address = address;
        b->size = size;
        b->instructions = 1;
        if (c->arm) {
            b->instructions = size / 4;
        } else if (g != NULL && size <= g->size - (address - g->base)) {
            b->instructions = count_thumb(g->host + (address - g->base), size);
        }
    }
    return b->instructions;
}

static void stop_before(core *c, uint32_t address, enum core_stop why)
{
    c->pc = address;
    c->stopped_before = true;
    stop_with(c, why);
}

/* True where the guest waits: then nothing of this block has been executed, nor is counted. */
static bool on_stop_check(core *c, uint32_t address)
{
    bool passing = c->resuming && address == c->resumed_at;
    c->resuming = false;
    if (passing || c->stopped || c->locating) {
        return false;
    }
    for (size_t i = 0; i < c->breakpoint_count; i++) {
        if (c->breakpoints[i] == address) {
            stop_before(c, address, CORE_BREAKPOINT);
            return false;
        }
    }
    if (c->waits_at == address) {
        stop_before(c, address, CORE_IDLE);
        return true;
    }
    return false;
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    core *c = user;
    (void)uc;
    if (c->has_stops && on_stop_check(c, (uint32_t)address)) {
        if (c->coverage != NULL) {
            cover_wait(c->coverage, (uint32_t)address);
        }
        return;
    }
    c->last[c->last_count++ & (LAST_BLOCKS - 1u)] = (uint32_t)address;
    c->fuel -= block_instructions(c, (uint32_t)address, size);
    if (c->fuel < 0) {
        stop_with(c, CORE_LIMIT);
        c->not_run = block_instructions(c, (uint32_t)address, size);
    }
    if (c->feedback != NULL) {
        count_edge(c->feedback, (uint32_t)address);
    }
    if (c->coverage != NULL) {
        cover_block(c->coverage, (uint32_t)address, size);
    }
}

static void on_interrupt(uc_engine *uc, uint32_t number, void *user)
{
    core *c = user;
    (void)uc;
    c->exception = number;
    stop_with(c, CORE_EXCEPTION);
}

/* ---- grants: the address space, enforced where the virtual TLB is filled ---- */

static bool mark_dirty(core *c, struct grant *g, uint32_t page)
{
    if (g->dirty[page]) {
        return true;
    }
    if (c->dirty_count == c->dirty_capacity) {
        size_t capacity = c->dirty_capacity * 2 + 64;
        struct dirty_page *grown = realloc(c->dirty, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        c->dirty = grown;
        c->dirty_capacity = capacity;
    }
    if (g->saved[page] == NULL) {
        g->saved[page] = malloc(PAGE_SIZE);
        if (g->saved[page] == NULL) {
            return false;
        }
        memcpy(g->saved[page], g->host + (size_t)page * PAGE_SIZE, PAGE_SIZE);
    }
    g->dirty[page] = 1;
    c->dirty[c->dirty_count++] = (struct dirty_page){g, page};
    return true;
}

/*
 * During a data access inside an If-Then block the engine shows the block's state in CPSR, and would translate the next
 * block with it: that one would skip instructions, silently and from then on. A fetch needs the state to go on.
 */
void leave_if_then_block(uc_engine *uc)
{
    uint32_t cpsr = 0;
    if (uc_reg_read(uc, UC_ARM_REG_CPSR, &cpsr) == UC_ERR_OK && (cpsr & IF_THEN_BITS)) {
        cpsr &= ~IF_THEN_BITS;
        uc_reg_write(uc, UC_ARM_REG_CPSR, &cpsr);
    }
}

static int access_of(uc_mem_type type)
{
    switch (type) {
    case UC_MEM_WRITE:
        return CORE_WRITE;
    case UC_MEM_FETCH:
        return CORE_EXECUTE;
    default:
        return CORE_READ;
    }
}

static bool on_tlb_fill(uc_engine *uc, uint64_t address, uc_mem_type type, uc_tlb_entry *entry, void *user)
{
    core *c = user;
    int access = access_of(type);
    struct grant *g = find_grant(c, (uint32_t)address);
    if (g == NULL || !(g->access & access)) {
        if (c->locating) {
            entry->paddr = c->until & ~ENGINE_PAGE_MASK;
            entry->perms = UC_PROT_READ | UC_PROT_WRITE;
            return true;
        }
        /* The engine may probe before it accesses: the last refusal before it gives up is the faulting one. */
        c->denied = true;
        c->fault_page = (uint32_t)address;
        c->fault_access = access;
        return false;
    }
    int permissions = ((g->access & CORE_READ) ? UC_PROT_READ : 0) | ((g->access & CORE_WRITE) ? UC_PROT_WRITE : 0) |
                      ((g->access & CORE_EXECUTE) ? UC_PROT_EXEC : 0);
    uint32_t page = ((uint32_t)address - g->base) / PAGE_SIZE;
    if (c->snapshot && (g->access & CORE_WRITE) && g->host != NULL && !g->untracked[page]) {
        if (access == CORE_WRITE) {
            if (!mark_dirty(c, g, page)) {
                stop_with(c, CORE_ENGINE_ERROR);
                return false;
            }
        } else if (!g->dirty[page]) {
            permissions &= ~UC_PROT_WRITE;
        }
    }
    if (c->checkpoint.on && (g->access & CORE_WRITE) && g->host != NULL) {
        if (access == CORE_WRITE) {
            if (!keep_page(c, g, page)) {
                stop_with(c, CORE_ENGINE_ERROR);
                return false;
            }
        } else if (!g->kept[page]) {
            permissions &= ~UC_PROT_WRITE;
        }
    }
    if (access != CORE_EXECUTE) {
        leave_if_then_block(uc);
    }
    if (c->watch.armed && fill_watched(c, (uint32_t)address, access, entry)) {
        entry->perms = (uc_prot)((int)entry->perms & permissions);
        return true;
    }
    entry->paddr = address; /* the engine's own pages are smaller than ours (1 KiB): it rounds */
    entry->perms = (uc_prot)permissions;
    return true;
}

static void free_grant(struct grant *g)
{
    free(g->saved);
    free(g->dirty);
    free(g->untracked);
    free(g->kept);
}

bool core_grant(core *c, uint32_t base, uint32_t size, int access, uint8_t *host)
{
    if (c->grant_count == GRANTS_MAX || size == 0 || ((base | size) & PAGE_MASK)) {
        return false;
    }
    struct grant *g = &c->grants[c->grant_count];
    uint32_t pages = size / PAGE_SIZE;
    *g = (struct grant){.base = base, .size = size, .access = access, .host = host};
    g->saved = calloc(pages, sizeof *g->saved);
    g->dirty = calloc(pages, 1);
    g->untracked = calloc(pages, 1);
    g->kept = calloc(pages, 1);
    if (g->saved == NULL || g->dirty == NULL || g->untracked == NULL || g->kept == NULL) {
        free_grant(g);
        return false;
    }
    c->grant_count++;
    uc_ctl_flush_tlb(c->uc);
    return true;
}

void core_revoke_all(core *c)
{
    core_drop_snapshot(c);
    for (size_t i = 0; i < c->grant_count; i++) {
        free_grant(&c->grants[i]);
    }
    c->grant_count = 0;
    memset(c->blocks, 0, sizeof c->blocks);
    uc_ctl_flush_tlb(c->uc);
}

/* ---- run ---- */

/* A clean return of the engine means that a WFI ended the run; anything else that ends it cleanly is an error. */
static enum core_stop judge_clean_stop(core *c)
{
    return waits_before(c, c->pc) ? CORE_IDLE : CORE_ENGINE_ERROR;
}

static enum core_stop judge(core *c)
{
    if (c->stopped) {
        return c->stop;
    }
    if (c->error == UC_ERR_OK) {
        return judge_clean_stop(c);
    }
    return c->denied ? CORE_DENIED : CORE_ENGINE_ERROR;
}

void core_forget_translations(core *c)
{
    uc_ctl_flush_tb(c->uc);
    c->flush_again = true;
}

enum core_stop core_run(core *c, uint64_t budget)
{
    int64_t start = budget > INT64_MAX ? INT64_MAX : (int64_t)budget;
    c->stopped = false;
    c->stopped_before = false;
    c->denied = false;
    c->unaligned = 0;
    c->fuel = start;
    c->not_run = 0;
    c->resuming = true;
    c->resumed_at = c->pc;
    c->error = uc_emu_start(c->uc, start_address(c), c->until, 0, 0);
    c->instructions = (uint64_t)(start - c->fuel);
    if (c->coverage != NULL) {
        cover_end(c->coverage);
    }
    if (c->flush_again) {
        c->flush_again = false;
        uc_ctl_flush_tb(c->uc);
    }
    if (!c->stopped_before && c->unaligned == 0) {
        uc_reg_read(c->uc, UC_ARM_REG_PC, &c->pc);
    }
    return judge(c);
}

/* ---- where exactly a denied access went ---- */

static void on_lent_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user)
{
    core *c = user;
    (void)type;
    (void)value;
    uint32_t offset = (uint32_t)address & ENGINE_PAGE_MASK;
    /* An access that begins in the page before is refused at the first byte of this one. */
    c->located = c->fault_page + (offset + (uint32_t)size > ENGINE_PAGE_SIZE ? 0 : offset);
    uc_emu_stop(uc);
}

/*
 * The fill callback learns the page alone, and memory hooks fire only behind a filled TLB. So the instruction runs once
 * more, with the denied page lent from the end of the code region, which is put right again with the registers.
 */
uint32_t core_locate_fault(core *c)
{
    struct grant *lent = find_grant(c, c->until);
    uc_context *context = NULL;
    uc_hook hook;
    uint8_t kept[ENGINE_PAGE_SIZE];
    c->located = c->fault_page;
    if (c->fault_access == CORE_EXECUTE || lent == NULL || uc_context_alloc(c->uc, &context) != UC_ERR_OK) {
        return c->fault_access == CORE_EXECUTE ? c->pc : c->located;
    }
    uint8_t *page = lent->host + ((c->until & ~ENGINE_PAGE_MASK) - lent->base);
    memcpy(kept, page, sizeof kept);
    uc_context_save(c->uc, context);
    uint64_t lent_page = c->until & ~ENGINE_PAGE_MASK; /* under the virtual TLB hooks see physical addresses */
    if (uc_hook_add(c->uc, &hook, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, (void *)on_lent_access, c, lent_page,
                    lent_page + ENGINE_PAGE_MASK) == UC_ERR_OK) {
        c->locating = true;
        uc_ctl_flush_tb(c->uc);
        c->fuel = INT64_MAX;
        uc_emu_start(c->uc, start_address(c), c->until, 0, 1);
        c->locating = false;
        uc_hook_del(c->uc, hook);
    }
    memcpy(page, kept, sizeof kept);
    uc_context_restore(c->uc, context);
    uc_context_free(context);
    uc_ctl_flush_tb(c->uc);
    uc_ctl_flush_tlb(c->uc);
    return c->located;
}

/* ---- snapshot ---- */

bool core_hot_range(core *c, uint32_t base, uint32_t size)
{
    struct grant *g = find_grant(c, base);
    if (c->snapshot || c->hot_count == HOT_RANGES_MAX || g == NULL || size > g->size - (base - g->base)) {
        return false;
    }
    uint32_t offset = base - g->base;
    c->hot[c->hot_count++] = (struct hot_range){base, size, g->host + offset, NULL};
    /* A page that is hot only in part stays tracked as well: correct, and it costs one copy more. */
    for (uint32_t p = (offset + PAGE_MASK) / PAGE_SIZE; p < (offset + size) / PAGE_SIZE; p++) {
        g->untracked[p] = 1;
    }
    return true;
}

bool core_snapshot(core *c)
{
    core_end_checkpoint(c);
    for (size_t i = 0; i < c->grant_count; i++) {
        struct grant *g = &c->grants[i];
        for (uint32_t p = 0; p < g->size / PAGE_SIZE; p++) {
            free(g->saved[p]);
            g->saved[p] = NULL;
            g->dirty[p] = 0;
        }
    }
    for (size_t i = 0; i < c->hot_count; i++) {
        struct hot_range *h = &c->hot[i];
        uint8_t *saved = realloc(h->saved, h->size);
        if (saved == NULL) {
            return false;
        }
        h->saved = saved;
        memcpy(saved, h->host, h->size);
    }
    if (c->context == NULL && uc_context_alloc(c->uc, &c->context) != UC_ERR_OK) {
        return false;
    }
    if (uc_context_save(c->uc, c->context) != UC_ERR_OK) {
        return false;
    }
    c->context_pc = c->pc;
    c->dirty_count = 0;
    c->snapshot = true;
    uc_ctl_flush_tlb(c->uc);
    return true;
}

void core_restore(core *c)
{
    if (!c->snapshot) {
        return;
    }
    core_end_checkpoint(c);
    for (size_t i = 0; i < c->hot_count; i++) {
        memcpy(c->hot[i].host, c->hot[i].saved, c->hot[i].size);
    }
    for (size_t i = 0; i < c->dirty_count; i++) {
        struct grant *g = c->dirty[i].grant;
        uint32_t page = c->dirty[i].page;
        memcpy(g->host + (size_t)page * PAGE_SIZE, g->saved[page], PAGE_SIZE);
        g->dirty[page] = 0;
    }
    if (c->dirty_count != 0) {
        c->dirty_count = 0;
        uc_ctl_flush_tlb(c->uc);
    }
    uc_context_restore(c->uc, c->context);
    c->pc = c->context_pc;
}

void core_drop_snapshot(core *c)
{
    core_end_checkpoint(c);
    for (size_t i = 0; i < c->hot_count; i++) {
        free(c->hot[i].saved);
    }
    for (size_t i = 0; i < c->grant_count; i++) {
        struct grant *g = &c->grants[i];
        uint32_t pages = g->size / PAGE_SIZE;
        for (uint32_t p = 0; p < pages; p++) {
            free(g->saved[p]);
            g->saved[p] = NULL;
        }
        memset(g->dirty, 0, pages);
        memset(g->untracked, 0, pages);
    }
    c->hot_count = 0;
    c->dirty_count = 0;
    if (c->snapshot) {
        c->snapshot = false;
        uc_ctl_flush_tlb(c->uc);
    }
}

void core_touch(core *c, uint32_t base, uint32_t size)
{
    if (!c->snapshot && !c->checkpoint.on) {
        return;
    }
    struct grant *g = find_grant(c, base);
    if (g == NULL || size == 0 || size > g->size - (base - g->base)) {
        return;
    }
    for (uint32_t p = (base - g->base) / PAGE_SIZE; p <= (base - g->base + size - 1) / PAGE_SIZE; p++) {
        if (c->snapshot && !g->untracked[p]) {
            mark_dirty(c, g, p);
        }
        if (c->checkpoint.on) {
            keep_page(c, g, p);
        }
    }
}

size_t core_dirty_pages(const core *c)
{
    return c->dirty_count;
}

/* ---- what the last run left ---- */

uint32_t core_pc(const core *c)
{
    return c->pc;
}

void core_general_registers(const core *c, uint32_t out[CORE_GENERAL_REGISTERS])
{
    for (int i = 0; i < 13; i++) {
        uc_reg_read(c->uc, UC_ARM_REG_R0 + i, &out[i]);
    }
    uc_reg_read(c->uc, UC_ARM_REG_LR, &out[13]);
    uc_reg_read(c->uc, UC_ARM_REG_SP, &out[14]);
}

void core_set_pc(core *c, uint32_t pc)
{
    c->pc = pc & ~1u;
}
uint64_t core_instructions(const core *c)
{
    return c->instructions;
}
uint64_t core_executed(const core *c)
{
    return c->instructions - c->not_run;
}
uint32_t core_fault_page(const core *c)
{
    return c->fault_page;
}
int core_fault_access(const core *c)
{
    return c->fault_access;
}
uint32_t core_exception_number(const core *c)
{
    return c->exception;
}
int core_engine_error(const core *c)
{
    return (int)c->error;
}

size_t core_last_blocks(const core *c, uint32_t *out, size_t n)
{
    size_t have = c->last_count < LAST_BLOCKS ? c->last_count : LAST_BLOCKS;
    size_t count = n < have ? n : have;
    for (size_t i = 0; i < count; i++) {
        out[i] = c->last[(c->last_count - 1u - i) & (LAST_BLOCKS - 1u)];
    }
    return count;
}

bool core_breakpoint(core *c, uint32_t address)
{
    if (c->breakpoint_count == BREAKPOINTS_MAX) {
        return false;
    }
    c->breakpoints[c->breakpoint_count++] = address;
    c->has_stops = true;
    return true;
}

void core_clear_breakpoints(core *c)
{
    c->breakpoint_count = 0;
    c->has_stops = c->waits_at != NOWHERE;
}

void core_wait_at(core *c, uint32_t address)
{
    c->waits_at = address;
    c->has_stops = true;
}

/* ---- life ---- */

core *core_new(void *engine, uint32_t until, bool arm)
{
    core *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->uc = engine;
    c->until = until;
    c->waits_at = NOWHERE;
    c->arm = arm;
    /* Hooks come before anything is translated: a block translated earlier would never call them. */
    uc_hook block, fill, interrupt;
    if (uc_ctl_tlb_mode(c->uc, UC_TLB_VIRTUAL) != UC_ERR_OK ||
        uc_hook_add(c->uc, &fill, UC_HOOK_TLB_FILL, (void *)on_tlb_fill, c, 1, 0) != UC_ERR_OK ||
        uc_hook_add(c->uc, &block, UC_HOOK_BLOCK, (void *)on_block, c, 1, 0) != UC_ERR_OK ||
        uc_hook_add(c->uc, &interrupt, UC_HOOK_INTR, (void *)on_interrupt, c, 1, 0) != UC_ERR_OK) {
        free(c);
        return NULL;
    }
    return c;
}

void core_free(core *c)
{
    if (c == NULL) {
        return;
    }
    core_revoke_all(c);
    free_checkpoint(c);
    free_watch(c);
    free(c->feedback);
    if (c->context != NULL) {
        uc_context_free(c->context);
    }
    free(c->dirty);
    free(c);
}
