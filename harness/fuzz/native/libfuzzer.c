/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libFuzzer drives the executor: its loop calls back into this file and nothing of Python runs for an execution. The
 * guest's counters are registered as if a compiler had put them into this program.
 */
#include "engine_internal.h"

typedef int (*run_driver_fn)(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
typedef void (*counters_init_fn)(uint8_t *begin, uint8_t *end);
typedef size_t (*mutate_fn)(uint8_t *data, size_t size, size_t max_size);

static mutate_fn mutate_anyhow;

/* A finding is no seed for more of the same. */
static int on_input(const uint8_t *data, size_t size)
{
    engine_execute(data, size);
    return engine_is_seed() ? 0 : -1;
}

/* Found by name: libFuzzer refers to this symbol weakly, so this module has to be loaded before its library. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    return mutator_mutate(data, size, max_size, seed, mutate_anyhow);
}

int libfuzzer_run(void *run_driver, void *counters_init, void *mutate, int argc, char **argv)
{
    const struct engine *e = engine_current();
    mutate_anyhow = (mutate_fn)mutate;
    ((counters_init_fn)counters_init)(e->counters, e->counters + e->counter_count);
    return ((run_driver_fn)run_driver)(&argc, &argv, on_input);
}
