/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands between a fuzzing engine and the executor: run an input, report what it found, make up new inputs. The
 * executor is reached by pointers, so that this module is not linked against the emulator's.
 *
 * The declarations below the marker are read by the binding's build script as well: plain C, no preprocessor.
 */
#ifndef HARNESS_FUZZ_ENGINE_H
#define HARNESS_FUZZ_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* binding: begin */
/* As struct core_compare of the emulator. */
struct engine_compare {
    uint32_t pc;
    uint32_t left;
    uint32_t right;
    uint32_t request;
    uint32_t looped;
};

/* As struct executor_exchange of the emulator. */
struct engine_exchange {
    uint64_t clock;
    uint64_t instructions;
    const uint8_t *request;
    const uint8_t *response;
    uint32_t request_size;
    uint32_t response_size;
    uint32_t status;
    uint32_t image;
    uint32_t step;
};

/* A request as the service has got it: the step that rang, how long its payload is, and how that begins. */
enum { ENGINE_REQUESTS = 16, ENGINE_HEAD = 512, ENGINE_HEADER = 8 };
struct engine_request {
    uint32_t step;
    uint32_t length;
    uint8_t head[ENGINE_HEAD];
};

/*
 * The last input's digest, what the guest compared, and the last requests. Where the mutator is in another process than
 * the executor, this is in a file that both have mapped.
 */
enum { ENGINE_COMPARES = 4096 };
struct engine_last {
    uint64_t input;
    uint32_t compare_count;
    uint32_t request_count;
    uint32_t first_request; /* its number among all of the run */
    struct engine_compare compares[ENGINE_COMPARES];
    struct engine_request requests[ENGINE_REQUESTS];
};

/* What a campaign has done so far; in memory that another process may watch. */
struct engine_stats {
    uint64_t executions;
    uint64_t findings; /* inputs that did not pass, equal ones included */
    uint64_t edges;
    uint64_t last_new_edge;    /* the execution that found it */
    uint64_t reached[256][16]; /* exchanges by type and status */
};

/* The executor, as functions of the emulator's native core; `report` is told of each finding that looks new. */
struct engine {
    void *executor;
    void *core;
    int (*run)(void *executor, const uint8_t *input, size_t size);
    uint64_t (*key)(const void *executor, int verdict);
    size_t (*compares)(void *core, struct engine_compare **out);
    size_t (*exchanges)(void *executor, struct engine_exchange **out);
    size_t (*edges)(const void *core);
    uint64_t (*cost)(const void *executor); /* of the last input, in guest instructions */
    bool (*feedback)(void *core, uint8_t *counters);
    void (*report)(int verdict, const uint8_t *input, size_t size);
    uint8_t *counters;
    uint32_t counter_count;
    struct engine_stats *stats;
    bool raw; /* inputs are requests, not scripts: no structure to respect */
};

void engine_use(const struct engine *engine); /* one engine a process */

/*
 * Run one input. A finding is reported the first ENGINE_REPORTS times that its key comes up, and only counted later.
 * Returns the verdict.
 */
enum { ENGINE_REPORTS = 4 };
int engine_execute(const uint8_t *input, size_t size);

/*
 * Whether the last input may become a seed. What costs more than ENGINE_CHEAP instructions has to bring a new edge, not
 * only another count or state: a few costly seeds would take most of the time from all others.
 */
enum { ENGINE_CHEAP = 100000 };
bool engine_is_seed(void);

/*
 * Mutations. Snippets are scripts that do something sensible, tokens are bytes that mean something; both stay with the
 * caller. `mutate_anyhow` is the engine's own mutation, for what needs no thought.
 */
struct engine_text {
    const uint8_t *bytes;
    size_t size;
};
/* A field of requests of a type that says how many bytes come right behind it: where it is in the payload, and its
 * size. */
struct engine_count {
    uint8_t type;
    uint8_t at;
    uint8_t width;
};
void mutator_use_counts(const struct engine_count *counts, size_t count);
void mutator_use(const struct engine_text *snippets, size_t snippet_count, const struct engine_text *tokens,
                 size_t token_count);
size_t mutator_mutate(uint8_t *data, size_t size, size_t max_size, uint32_t seed,
                      size_t (*mutate_anyhow)(uint8_t *data, size_t size, size_t max_size));

/* libFuzzer: the functions are those of its library. Does not return: the driver ends the process. */
int libfuzzer_run(void *run_driver, void *counters_init, void *mutate, int argc, char **argv);

/* AFL++: serves the fuzzer that has started this process until that one ends (afl.c). */
enum afl_end {
    AFL_ENDED,  /* the fuzzer is gone */
    AFL_ALONE,  /* no server is asked for; where a fuzzer wants a single run, its map is in place */
    AFL_REFUSED /* it does not speak as AFL++ 4.04 does */
};
enum afl_end afl_serve(void);
/* binding: end */

#endif
