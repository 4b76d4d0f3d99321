/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One execution of an input, as every engine has it. */
#include "engine_internal.h"

#include <string.h>

#define KEYS 1024u /* a power of two; a campaign with more kinds of findings than that has other problems */

static struct engine engine;
static uint64_t executions;
static uint64_t findings;
static struct {
    uint64_t key;
    uint32_t count;
} seen[KEYS];

void engine_use(const struct engine *e)
{
    engine = *e;
    executions = findings = 0;
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
    int verdict = engine.run(engine.executor, input, size);
    executions++;
    if (verdict != 0) {
        findings++;
        if (engine.report != NULL && is_worth_reporting(engine.key(engine.executor, verdict))) {
            engine.report(verdict, input, size);
        }
    }
    return verdict;
}

uint64_t engine_executions(void)
{
    return executions;
}

uint64_t engine_findings(void)
{
    return findings;
}
