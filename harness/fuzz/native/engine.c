/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One execution of an input, as every engine has it. */
#include "engine_internal.h"

#include <string.h>

#define KEYS 1024u /* a power of two; a campaign with more kinds of findings than that has other problems */

static struct engine engine;
static bool is_seed;
static struct {
    uint64_t key;
    uint32_t count;
} seen[KEYS];

void engine_use(const struct engine *e)
{
    engine = *e;
    last_run_forget();
    memset(seen, 0, sizeof seen);
}

const struct engine *engine_current(void)
{
    return &engine;
}

static bool is_worth_reporting(uint64_t key)
{
    uint32_t at = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> 32) & (KEYS - 1u);
    for (uint32_t tries = 0; tries < KEYS; tries++, at = (at + 1u) & (KEYS - 1u)) {
        if (seen[at].count == 0) {
            seen[at].key = key;
        }
        if (seen[at].key == key) {
            return seen[at].count < ENGINE_REPORTS && ++seen[at].count <= ENGINE_REPORTS;
        }
    }
    return false;
}

int engine_execute(const uint8_t *input, size_t size)
{
    struct engine_stats *stats = engine.stats;
    int verdict = engine.run(engine.executor, input, size);
    uint64_t edges = engine.edges(engine.core);
    last_run_note(input, size);
    stats->executions++;
    is_seed = verdict == 0 && (edges != stats->edges || engine.cost(engine.executor) <= ENGINE_CHEAP);
    if (edges != stats->edges) {
        stats->edges = edges;
        stats->last_new_edge = stats->executions;
    }
    if (verdict != 0) {
        stats->findings++;
        if (engine.report != NULL && is_worth_reporting(engine.key(engine.executor, verdict))) {
            engine.report(verdict, input, size);
        }
    }
    return verdict;
}

bool engine_try(const uint8_t *input, size_t size)
{
    if (engine.run == NULL) {
        return false;
    }
    engine.run(engine.executor, input, size);
    engine.stats->executions++;
    last_run_note(input, size);
    return true;
}

bool engine_is_seed(void)
{
    return is_seed;
}
