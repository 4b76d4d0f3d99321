/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What guides a fuzzer, from the release image as it is: which edges between blocks were taken, and what the guest
 * compared. Edges are numbered in the order of their first occurrence, so that a small map has no two in one counter.
 */
#include "core_internal.h"

#include <stdlib.h>
#include <string.h>

/* So many compares of one place are kept in a request: a loop's counter must not push the others out. */
#define COMPARES_OF_A_PLACE 4u

/* Once, or more than once: how often a loop ran, or a script repeated itself, would make every input a new one. */
#define COUNTED 2u

static uint32_t mix(uint32_t from, uint32_t to)
{
    uint32_t h = (from * 0x9E3779B1u) ^ (to * 0x85EBCA77u);
    return h ^ h >> 15;
}

void count_edge(struct feedback *f, uint32_t address)
{
    uint32_t from = f->previous;
    f->previous = address;
    if (f->counters == NULL) {
        return;
    }
    uint32_t at = mix(from, address) & (EDGE_TABLE - 1u);
    struct edge *e = &f->edges[at];
    while (e->number != 0 && (e->from != from || e->to != address)) {
        at = (at + 1u) & (EDGE_TABLE - 1u);
        e = &f->edges[at];
    }
    if (e->number == 0) {
        if (f->edge_count >= EDGE_TABLE / 2u) {
            return; /* no image of ours comes near; a search must always meet a free place */
        }
        *e = (struct edge){from, address, ++f->edge_count};
    }
    uint8_t *counter = &f->counters[(e->number - 1u) % CORE_EDGES];
    *counter = (uint8_t)(*counter + (*counter < COUNTED));
}

static void on_compare(uc_engine *uc, uint64_t address, uint64_t left, uint64_t right, uint32_t size, void *user)
{
    struct feedback *f = user;
    (void)uc;
    (void)size;
    if ((uint32_t)left == (uint32_t)right || f->compare_count == CORE_COMPARES) {
        return;
    }
    struct compared_place *p = &f->places[(address >> 1) & (COMPARED_PLACES - 1u)];
    if (p->epoch != f->epoch || p->pc != (uint32_t)address) {
        *p = (struct compared_place){(uint32_t)address, f->epoch, 0};
    }
    if (p->count++ < COMPARES_OF_A_PLACE) {
        f->compares[f->compare_count++] = (struct core_compare){(uint32_t)address, (uint32_t)left, (uint32_t)right};
    }
}

bool core_feedback(core *c, uint8_t *counters)
{
    if (c->feedback == NULL) {
        struct feedback *f = calloc(1, sizeof *f);
        uc_hook hook;
        if (f == NULL) {
            return false;
        }
        if (uc_hook_add(c->uc, &hook, UC_HOOK_TCG_OPCODE, (void *)on_compare, f, 1, 0, UC_TCG_OP_SUB,
                        UC_TCG_OP_FLAG_CMP) != UC_ERR_OK) {
            free(f);
            return false;
        }
        c->feedback = f;
        core_forget_translations(c);
    }
    c->feedback->counters = counters;
    core_feedback_begin(c);
    return true;
}

void core_feedback_begin(core *c)
{
    struct feedback *f = c->feedback;
    if (f != NULL) {
        f->previous = 0;
        f->compare_count = 0;
        f->epoch++;
    }
}

void core_feedback_request(core *c)
{
    if (c->feedback != NULL) {
        c->feedback->epoch++;
    }
}

void core_feedback_state(core *c, uint32_t state)
{
    struct feedback *f = c->feedback;
    if (f != NULL && f->counters != NULL) {
        f->counters[CORE_EDGES + mix(state, 0) % (CORE_COUNTERS - CORE_EDGES)] = 1;
    }
}

size_t core_edge_count(const core *c)
{
    return c->feedback == NULL ? 0 : c->feedback->edge_count;
}

size_t core_compares(const core *c, struct core_compare **out)
{
    *out = c->feedback == NULL ? NULL : c->feedback->compares;
    return c->feedback == NULL ? 0 : c->feedback->compare_count;
}
