/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The address space: a table of grants, enforced where the engine's virtual TLB is filled. */
#include "core_internal.h"

#include <stdlib.h>
#include <string.h>

struct grant *find_grant(core *c, uint32_t address)
{
    for (size_t i = 0; i < c->grant_count; i++) {
        if (address - c->grants[i].base < c->grants[i].size) {
            return &c->grants[i];
        }
    }
    return NULL;
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

bool hook_grants(core *c)
{
    uc_hook fill;
    return uc_ctl_tlb_mode(c->uc, UC_TLB_VIRTUAL) == UC_ERR_OK &&
           uc_hook_add(c->uc, &fill, UC_HOOK_TLB_FILL, (void *)on_tlb_fill, c, 1, 0) == UC_ERR_OK;
}
