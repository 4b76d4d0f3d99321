/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A checkpoint: the state before one run, to run it again from there. Unlike the snapshot it costs the same wherever
 * the run writes: every page is granted read-only until its first write, and copied then.
 */
#include "core_internal.h"

#include <stdlib.h>
#include <string.h>

bool keep_page(core *c, struct grant *g, uint32_t page)
{
    struct checkpoint *k = &c->checkpoint;
    if (g->kept[page]) {
        return true;
    }
    if (k->count == k->capacity) {
        size_t capacity = k->capacity * 2 + 64;
        struct kept_page *grown = realloc(k->pages, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        memset(grown + k->capacity, 0, (capacity - k->capacity) * sizeof *grown);
        k->pages = grown;
        k->capacity = capacity;
    }
    struct kept_page *kept = &k->pages[k->count];
    if (kept->content == NULL) {
        kept->content = malloc(PAGE_SIZE);
        if (kept->content == NULL) {
            return false;
        }
    }
    kept->grant = g;
    kept->page = page;
    memcpy(kept->content, g->host + (size_t)page * PAGE_SIZE, PAGE_SIZE);
    g->kept[page] = 1;
    k->count++;
    return true;
}

static void forget_kept_pages(struct checkpoint *k)
{
    for (size_t i = 0; i < k->count; i++) {
        k->pages[i].grant->kept[k->pages[i].page] = 0;
    }
    k->count = 0;
}

bool core_checkpoint(core *c)
{
    struct checkpoint *k = &c->checkpoint;
    forget_kept_pages(k);
    if (k->context == NULL && uc_context_alloc(c->uc, &k->context) != UC_ERR_OK) {
        return false;
    }
    if (uc_context_save(c->uc, k->context) != UC_ERR_OK) {
        return false;
    }
    k->pc = c->pc;
    k->on = true;
    uc_ctl_flush_tlb(c->uc);
    return true;
}

/* What is kept stays kept, and its pages writable: a page's content is now the kept one. */
bool core_rollback(core *c)
{
    struct checkpoint *k = &c->checkpoint;
    if (!k->on) {
        return false;
    }
    for (size_t i = 0; i < k->count; i++) {
        memcpy(k->pages[i].grant->host + (size_t)k->pages[i].page * PAGE_SIZE, k->pages[i].content, PAGE_SIZE);
    }
    uc_context_restore(c->uc, k->context);
    c->pc = k->pc;
    return true;
}

void core_end_checkpoint(core *c)
{
    forget_kept_pages(&c->checkpoint);
    c->checkpoint.on = false;
}

void free_checkpoint(core *c)
{
    struct checkpoint *k = &c->checkpoint;
    for (size_t i = 0; i < k->capacity; i++) {
        free(k->pages[i].content);
    }
    free(k->pages);
    if (k->context != NULL) {
        uc_context_free(k->context);
    }
}
