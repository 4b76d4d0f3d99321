/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_internal.h"

void mutator_use(const struct engine_text *snippets, size_t snippet_count, const struct engine_text *tokens,
                 size_t token_count)
{
    (void)snippets;
    (void)snippet_count;
    (void)tokens;
    (void)token_count;
}

size_t mutator_mutate(uint8_t *data, size_t size, size_t max_size, uint32_t seed,
                      size_t (*mutate)(uint8_t *data, size_t size, size_t max_size))
{
    (void)seed;
    return mutate(data, size, max_size);
}
