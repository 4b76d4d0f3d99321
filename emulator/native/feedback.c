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

/* Numbers below this one meet by chance; they would be most of all in a sanitized image, whose checks count to 8. */
#define WORTH_KEEPING 8u

/* Once, or more than once: how often a loop ran, or a script repeated itself, would make every input a new one. */
#define COUNTED 2u

static uint32_t mix(uint32_t from, uint32_t to)
{
    uint32_t h = (from * 0x9E3779B1u) ^ (to * 0x85EBCA77u);
    return h ^ h >> 15;
}

/* The edge's counter, its index and 1; 0 where it is new and the table as full as it may be. */
static uint32_t find_counter(struct feedback *f, uint32_t from, uint32_t to)
{
    uint32_t at = mix(from, to) & (EDGE_TABLE - 1u);
    struct edge *e = &f->edges[at];
    while (e->counter != 0 && (e->from != from || e->to != to)) {
        at = (at + 1u) & (EDGE_TABLE - 1u);
        e = &f->edges[at];
    }
    /* No image of ours comes near half of it; a search must always meet a free place. */
    if (e->counter == 0 && f->edge_count < EDGE_TABLE / 2u) {
        *e = (struct edge){from, to, f->edge_count++ % CORE_EDGES + 1u};
    }
    return e->counter;
}

void count_edge(struct feedback *f, struct block *b)
{
    uint32_t from = f->previous;
    f->previous = b->address;
    if (f->counters == NULL) {
        return;
    }
    if (b->from != from || b->counter == 0) {
        b->from = from;
        b->counter = find_counter(f, from, b->address);
        if (b->counter == 0) {
            return;
        }
    }
    uint8_t *counter = &f->counters[b->counter - 1u];
    *counter = (uint8_t)(*counter + (*counter < COUNTED));
}

static struct compared_place *compared_place(struct feedback *f, uint32_t pc)
{
    struct compared_place *p = &f->places[(pc >> 1) & (COMPARED_PLACES - 1u)];
    if (p->pc != pc) {
        *p = (struct compared_place){.pc = pc};
    }
    return p;
}

/* A loop's end compares what grows by equal steps, or is met once: operands are equal then. */
static bool looks_like_loop(struct compared_place *p, uint32_t left, uint32_t right)
{
    uint32_t left_step = left - p->left;
    uint32_t right_step = right - p->right;
    bool steps =
        p->count >= 2 && (left_step | right_step) != 0 && left_step == p->left_step && right_step == p->right_step;
    p->left = left;
    p->right = right;
    p->left_step = left_step;
    p->right_step = right_step;
    return steps || left == right;
}

static void on_compare(uc_engine *uc, uint64_t address, uint64_t left, uint64_t right, uint32_t size, void *user)
{
    struct feedback *f = user;
    (void)uc;
    (void)size;
    if (((uint32_t)left | (uint32_t)right) < WORTH_KEEPING) {
        return;
    }
    struct compared_place *p = compared_place(f, (uint32_t)address);
    if (p->epoch != f->epoch) {
        p->epoch = f->epoch;
        p->count = 0;
    }
    if (p->count == COMPARES_OF_A_PLACE && p->looped == f->run) {
        return; /* nothing more is to be learnt from it: most compares are those of loops */
    }
    if (looks_like_loop(p, (uint32_t)left, (uint32_t)right)) {
        p->looped = f->run;
    }
    if ((uint32_t)left == (uint32_t)right) {
        return;
    }
    if (p->count < COMPARES_OF_A_PLACE && f->compare_count < CORE_COMPARES) {
        p->count++;
        f->compares[f->compare_count++] =
            (struct core_compare){(uint32_t)address, (uint32_t)left, (uint32_t)right, f->request, 0};
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
        f->request = 0;
        f->epoch++;
        f->run++;
    }
}

void core_feedback_request(core *c, uint32_t request)
{
    if (c->feedback != NULL) {
        c->feedback->epoch++;
        c->feedback->request = request;
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

size_t core_compares(core *c, struct core_compare **out)
{
    struct feedback *f = c->feedback;
    *out = f == NULL ? NULL : f->compares;
    for (size_t i = 0; f != NULL && i < f->compare_count; i++) {
        f->compares[i].looped = compared_place(f, f->compares[i].pc)->looped == f->run;
    }
    return f == NULL ? 0 : f->compare_count;
}
