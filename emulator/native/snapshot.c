/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runs have written is put back: hot ranges always, other pages where they were written lately. */
#include "core_internal.h"

#include <stdlib.h>
#include <string.h>

bool mark_dirty(core *c, struct grant *g, uint32_t page)
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

/* No page is dirty any more, nor kept for a restore. */
static void forget_saved(core *c)
{
    for (size_t i = 0; i < c->grant_count; i++) {
        struct grant *g = &c->grants[i];
        for (uint32_t p = 0; p < g->size / PAGE_SIZE; p++) {
            free(g->saved[p]);
            g->saved[p] = NULL;
            g->dirty[p] = 0;
        }
    }
    c->dirty_count = 0;
    c->warm_restores = 0;
}

bool core_snapshot(core *c)
{
    core_end_checkpoint(c);
    forget_saved(c);
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
    c->snapshot = true;
    uc_ctl_flush_tlb(c->uc);
    return true;
}

/* Every page is read-only again until its first write. */
static void forget_dirty(core *c)
{
    for (size_t i = 0; i < c->dirty_count; i++) {
        c->dirty[i].grant->dirty[c->dirty[i].page] = 0;
    }
    c->dirty_count = 0;
    c->warm_restores = 0;
    uc_ctl_flush_tlb(c->uc);
}

/*
 * What one run has written the next one often writes too. To copy a few pages back that were not written costs less
 * than to make them read-only, for which the engine has to forget all that it knows of addresses.
 */
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
    }
    if (c->dirty_count > WARM_PAGES || (c->dirty_count != 0 && ++c->warm_restores == WARM_RESTORES)) {
        forget_dirty(c);
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
        memset(c->grants[i].untracked, 0, c->grants[i].size / PAGE_SIZE);
    }
    c->hot_count = 0;
    forget_saved(c);
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
