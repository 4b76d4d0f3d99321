/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run of the guest: its budget, where it is to stop, and why it did. */
#include "core_internal.h"

#include <string.h>

#define WFI_THUMB 0xBF30u   /* ARMv7-M ARM, A7.7.261 */
#define WFI_ARM 0xE320F003u /* ARMv7-A ARM, A8.8.425 */

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

uint64_t start_address(const core *c)
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

/* ---- budget and the trail of blocks ---- */

/* Thumb: a halfword whose top five bits are 0b11101, 0b11110 or 0b11111 begins a 32-bit instruction. */
static uint32_t count_thumb(const uint8_t *code, uint32_t size)
{
    uint32_t n = 0;
    for (uint32_t at = 0; at + 1 < size; n++) {
        at += (code[at + 1] >> 3) >= 0x1Du ? 4 : 2;
    }
    return n;
}

static struct block *find_block(core *c, uint32_t address, uint32_t size)
{
    struct block *b = &c->blocks[(address >> 2) & (BLOCK_CACHE - 1u)];
    if (b->address != address || b->size != size) {
        const struct grant *g = find_grant(c, address);
        uint32_t instructions = 1;
        if (c->arm) {
            instructions = size / 4;
        } else if (g != NULL && size <= g->size - (address - g->base)) {
            instructions = count_thumb(g->host + (address - g->base), size);
        }
        *b = (struct block){.address = address, .size = (uint16_t)size, .instructions = (uint16_t)instructions};
    }
    return b;
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
    struct block *b = find_block(c, (uint32_t)address, size);
    c->fuel -= b->instructions;
    if (c->fuel < 0) {
        stop_with(c, CORE_LIMIT);
        c->not_run = b->instructions;
    }
    if (c->feedback != NULL) {
        count_edge(c->feedback, b);
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

bool hook_run(core *c)
{
    uc_hook block, interrupt;
    return uc_hook_add(c->uc, &block, UC_HOOK_BLOCK, (void *)on_block, c, 1, 0) == UC_ERR_OK &&
           uc_hook_add(c->uc, &interrupt, UC_HOOK_INTR, (void *)on_interrupt, c, 1, 0) == UC_ERR_OK;
}

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

/* ---- where it is to stop ---- */

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
