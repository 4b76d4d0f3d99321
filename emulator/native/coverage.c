/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest has executed: each way from a basic block to the next one, with how often it was taken. A block is
 * counted when it has been left, so that one that faulted on its way, or was stopped before its start, is not in it.
 */
#include "core_internal.h"

#include <stdlib.h>

#define FIRST_CAPACITY 16384u /* a power of two, as every capacity */
#define WFI_ENCODING 0xBF30u  /* ARMv7-M ARM, A7.7.261 */

struct core_coverage {
    core *c;
    uc_hook block;
    struct core_edge *edges; /* open addressing; times == 0: free */
    uint32_t capacity;
    uint32_t count;
    bool overflow;
    bool inside; /* `start` to `end` is a block that was entered in run number `run` */
    uint32_t start;
    uint32_t end;
    uint64_t run;
};

static uint32_t slot_of(const struct core_coverage *v, uint32_t start, uint32_t to)
{
    uint32_t hash = start * 0x9E3779B1u ^ to * 0x85EBCA77u;
    return (hash ^ hash >> 15) & (v->capacity - 1u);
}

static struct core_edge *find_edge(const struct core_coverage *v, uint32_t start, uint32_t end, uint32_t to)
{
    uint32_t at = slot_of(v, start, to);
    for (;; at = (at + 1u) & (v->capacity - 1u)) {
        struct core_edge *e = &v->edges[at];
        if (e->times == 0 || (e->start == start && e->to == to && e->end == end)) {
            return e;
        }
    }
}

static bool grow(struct core_coverage *v)
{
    struct core_coverage old = *v;
    v->edges = calloc((size_t)old.capacity * 2, sizeof *v->edges);
    if (v->edges == NULL) {
        v->edges = old.edges;
        return false;
    }
    v->capacity = old.capacity * 2;
    for (uint32_t i = 0; i < old.capacity; i++) {
        const struct core_edge *e = &old.edges[i];
        if (e->times != 0) {
            *find_edge(v, e->start, e->end, e->to) = *e;
        }
    }
    free(old.edges);
    return true;
}

static void leave_to(struct core_coverage *v, uint32_t to)
{
    struct core_edge *e = find_edge(v, v->start, v->end, to);
    if (e->times == 0) {
        /* At most three quarters full: searching always finds a free place. */
        if (v->count >= v->capacity / 4 * 3) {
            if (!grow(v)) {
                v->overflow = true;
                return;
            }
            e = find_edge(v, v->start, v->end, to);
        }
        v->count++;
        e->start = v->start;
        e->end = v->end;
        e->to = to;
    }
    e->times++;
}

/* The last block of a run has been left only where it ended by waiting. */
static void leave_run(struct core_coverage *v)
{
    bool waited = v->inside && v->c->error == UC_ERR_OK; /* still of that run: the next one sets it at its end */
    const struct grant *g = waited ? find_grant(v->c, v->end - 2u) : NULL;
    v->inside = false;
    if (g != NULL && g->host != NULL) {
        const uint8_t *code = g->host + (v->end - 2u - g->base);
        if ((code[0] | code[1] << 8) == WFI_ENCODING) {
            leave_to(v, v->end);
        }
    }
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    struct core_coverage *v = user;
    (void)uc;
    if (v->c->locating) {
        return;
    }
    if (v->run != v->c->runs) {
        leave_run(v);
        v->run = v->c->runs;
    } else if (v->inside) {
        leave_to(v, (uint32_t)address);
    }
    v->inside = !v->c->stopped; /* the core's own hook comes first: a block that it stopped is not executed */
    v->start = (uint32_t)address;
    v->end = (uint32_t)address + size;
}

core_coverage *core_coverage_new(core *c)
{
    struct core_coverage *v = calloc(1, sizeof *v);
    if (v == NULL) {
        return NULL;
    }
    v->c = c;
    v->capacity = FIRST_CAPACITY;
    v->edges = calloc(v->capacity, sizeof *v->edges);
    if (v->edges == NULL || uc_hook_add(c->uc, &v->block, UC_HOOK_BLOCK, (void *)on_block, v, 1, 0) != UC_ERR_OK) {
        free(v->edges);
        free(v);
        return NULL;
    }
    core_forget_translations(c); /* code translated before would not call the hook */
    return v;
}

void core_coverage_free(core_coverage *v)
{
    if (v != NULL) {
        uc_hook_del(v->c->uc, v->block);
        core_forget_translations(v->c);
        free(v->edges);
        free(v);
    }
}

size_t core_coverage_edges(core_coverage *v, struct core_edge *out, size_t n)
{
    size_t count = 0;
    leave_run(v);
    for (uint32_t i = 0; i < v->capacity; i++) {
        if (v->edges[i].times != 0) {
            if (count < n) {
                out[count] = v->edges[i];
            }
            count++;
        }
    }
    return count;
}

bool core_coverage_overflow(const core_coverage *v)
{
    return v->overflow;
}
