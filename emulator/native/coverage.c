/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a guest has executed: each way from a basic block to the next one, with how often it was taken. A block is
 * counted when it has been left, so that one that faulted on its way, or was stopped before its start, is not in it.
 */
#include "core_internal.h"

#include <stdlib.h>

#define FIRST_MASK 16383u /* the number of places is a power of two, always */

struct core_coverage {
    core *c;
    struct core_edge *edges; /* open addressing; times == 0: free */
    uint32_t mask;           /* number of places - 1 */
    uint32_t count;
    bool overflow;
    uint32_t start; /* the block that is being executed, NOWHERE outside a run */
    uint32_t end;
};

/* Cheap, and few of an image's edges meet: addresses of blocks are spread well enough as they are. */
static uint32_t slot_of(const struct core_coverage *v, uint32_t start, uint32_t to)
{
    return (start >> 1 ^ to << 4) & v->mask;
}

static bool is_edge(const struct core_edge *e, uint32_t start, uint32_t end, uint32_t to)
{
    return e->start == start && e->to == to && e->end == end;
}

static struct core_edge *find_edge(const struct core_coverage *v, uint32_t start, uint32_t end, uint32_t to)
{
    uint32_t at = slot_of(v, start, to);
    while (v->edges[at].times != 0 && !is_edge(&v->edges[at], start, end, to)) {
        at = (at + 1u) & v->mask;
    }
    return &v->edges[at];
}

static bool grow(struct core_coverage *v)
{
    struct core_coverage old = *v;
    v->edges = calloc(((size_t)old.mask + 1) * 2, sizeof *v->edges);
    if (v->edges == NULL) {
        v->edges = old.edges;
        return false;
    }
    v->mask = old.mask * 2 + 1;
    for (uint32_t i = 0; i <= old.mask; i++) {
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
        /* At most half full: searching always finds a free place, and soon. */
        if (v->count > v->mask / 2) {
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

void cover_block(struct core_coverage *v, uint32_t address, uint32_t size)
{
    struct core_edge *e = &v->edges[slot_of(v, v->start, address)];
    if (is_edge(e, v->start, v->end, address)) {
        e->times++;
    } else if (v->start != NOWHERE) {
        leave_to(v, address);
    } else if (v->c->locating) {
        return; /* one instruction of a block, once more */
    }
    v->start = address;
    v->end = address + size;
}

void cover_wait(struct core_coverage *v, uint32_t address)
{
    if (v->start != NOWHERE) {
        leave_to(v, address);
    }
    v->start = NOWHERE;
}

/* A block is left for the next one, or by waiting; what a run was stopped in the middle or at the start of is not. */
void cover_end(struct core_coverage *v)
{
    core *c = v->c;
    bool clean = !c->stopped && c->error == UC_ERR_OK;
    if (v->start != NOWHERE && clean && waits_before(c, v->end)) {
        leave_to(v, v->end);
    }
    v->start = NOWHERE;
}

core_coverage *core_coverage_new(core *c)
{
    struct core_coverage *v = calloc(1, sizeof *v);
    if (v == NULL) {
        return NULL;
    }
    v->c = c;
    v->start = NOWHERE;
    v->mask = FIRST_MASK;
    v->edges = calloc((size_t)v->mask + 1, sizeof *v->edges);
    if (v->edges == NULL) {
        free(v);
        return NULL;
    }
    c->coverage = v;
    return v;
}

void core_coverage_free(core_coverage *v)
{
    if (v != NULL) {
        v->c->coverage = NULL;
        free(v->edges);
        free(v);
    }
}

size_t core_coverage_edges(const core_coverage *v, struct core_edge *out, size_t n)
{
    size_t count = 0;
    for (uint32_t i = 0; i <= v->mask; i++) {
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
