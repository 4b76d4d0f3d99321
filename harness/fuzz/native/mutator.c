/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New inputs from old ones, by three kinds of change: of the script's structure (structure.c), of what the guest has
 * compared (input_to_state.c), and the engine's own.
 */
#include "mutation.h"

#define ANEW 5 /* one mutation in so many is a new script */

void mutator_use(const struct engine_text *snippets, size_t snippet_count, const struct engine_text *tokens,
                 size_t token_count)
{
    structure_use(snippets, snippet_count, tokens, token_count);
    compares_forget(); /* what another engine's runs have taught is of no use */
}

void mutator_use_counts(const struct engine_count *counts, size_t count)
{
    structure_use_counts(counts, count);
}

static bool mutate_once(struct text *t, struct random *r, size_t (*mutate_anyhow)(uint8_t *, size_t, size_t))
{
    uint32_t how = below(r, 100);
    if (how < 50 && use_compare(t, r)) {
        return true;
    }
    if (how < 85 && !engine_current()->raw && change_structure(t, r)) {
        return true;
    }
    if (mutate_anyhow == NULL) {
        return !engine_current()->raw && change_structure(t, r);
    }
    t->size = mutate_anyhow(t->data, t->size, t->max);
    return true;
}

size_t mutator_mutate(uint8_t *data, size_t size, size_t max_size, uint32_t seed,
                      size_t (*mutate_anyhow)(uint8_t *data, size_t size, size_t max_size))
{
    struct random r = {seed * 0x9E3779B1u ^ 0x5DEECE66u};
    struct text t = {data, size, max_size};
    r.state += r.state == 0;
    if (!engine_current()->raw && below(&r, ANEW) == 0 && begin_anew(&t, &r)) {
        return t.size;
    }
    uint32_t times = 1u + (below(&r, 4) == 0 ? below(&r, 4) : 0u);
    for (uint32_t i = 0; i < times; i++) {
        mutate_once(&t, &r, mutate_anyhow);
    }
    return t.size;
}
