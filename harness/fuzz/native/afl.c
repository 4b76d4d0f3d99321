/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The target's side of AFL++'s fork server protocol, version 4.04, without a fork: restoring the guest takes less than
 * a fork would, so every request for a run is executed here and at once.
 *
 * The fuzzer is the parent. It shares three segments (edge map, input, operands of compares) by ids in the
 * environment, and talks in words of four bytes: on descriptor 198 it asks for a run, on 199 it gets, in this order,
 * one word of abilities when the server is up, and for each run a process id and a wait status. Both are sent when the
 * run is over. The fuzzer's clock starts with the first of them, so for it no run lasts: how long one may take is the
 * guest's budget of instructions, which says the same on every machine.
 */
#include "engine_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <unistd.h>

#define REQUESTS 198
#define ANSWERS 199

/* The word of abilities: "there is one", the map's size less one in bits 1 to 23, and what else is spoken. */
#define HAS_ABILITIES 0x80000001u
#define HAS_MAP_SIZE 0x40000000u
#define HAS_SHARED_INPUT 0x01000000u
#define HAS_COMPARES 0x02000000u /* in the layout below */

/* The segment of inputs. */
struct shared_input {
    uint32_t size;
    uint8_t bytes[];
};

/*
 * The segment of operands. A place in the program has a header: a count of hits in bits 0 to 23, the operands' width in
 * bytes less one in bits 48 to 52, their kind in bits 53 and 54; and the last operands, in a ring.
 */
enum { PLACES = 65536, OPERANDS = 32 };
#define HITS 0xFFFFFFu
#define WORD_OPERANDS (UINT64_C(3) << 48)
#define INTEGER_OPERANDS (UINT64_C(1) << 53)
struct operands {
    uint64_t left;
    uint64_t right;
    uint64_t upper_left; /* of 128 bits */
    uint64_t upper_right;
};
struct shared_compares {
    uint64_t headers[PLACES];
    struct operands operands[PLACES][OPERANDS];
};

/* The segment goes with its last user, even where the fuzzer is killed: it can be attached as long as somebody has it.
 */
static void *attach(const char *variable)
{
    const char *text = getenv(variable);
    int id = text == NULL ? -1 : atoi(text);
    void *segment = shmat(id, NULL, 0);
    if (segment == (void *)-1) {
        return NULL;
    }
    shmctl(id, IPC_RMID, NULL);
    return segment;
}

static bool send_words(const uint32_t *words, size_t count)
{
    ssize_t sent;
    do {
        sent = write(ANSWERS, words, count * sizeof *words);
    } while (sent == -1 && errno == EINTR);
    return sent == (ssize_t)(count * sizeof *words); /* so few bytes go into a pipe whole or not at all */
}

static bool receive_word(uint32_t *word)
{
    ssize_t received;
    do {
        received = read(REQUESTS, word, sizeof *word);
    } while (received == -1 && errno == EINTR);
    return received == sizeof *word;
}

static uint32_t place_of(uint32_t pc)
{
    return (pc >> 1) * 0x9E3779B1u >> 16;
}

/* The fuzzer zeroes the headers before each run. */
static void tell_compares(struct shared_compares *map, const struct engine *e)
{
    struct engine_compare *compares = NULL;
    size_t count = e->compares(e->core, &compares);
    for (size_t i = 0; i < count; i++) {
        uint32_t place = place_of(compares[i].pc);
        uint64_t hits = map->headers[place] & HITS;
        map->operands[place][hits % OPERANDS] = (struct operands){compares[i].left, compares[i].right, 0, 0};
        map->headers[place] = (hits + 1) | WORD_OPERANDS | INTEGER_OPERANDS;
    }
}

/* A counter behind those of the guest: where a script sends nothing the fuzzer would miss the instrumentation. */
static uint32_t map_size(const struct engine *e)
{
    return e->counter_count + 1u;
}

static enum afl_end serve(const struct shared_input *input, uint8_t *counters, struct shared_compares *compares)
{
    const struct engine *e = engine_current();
    uint32_t self = (uint32_t)getpid(); /* what the fuzzer kills when it ends within a run */
    uint32_t request;
    while (receive_word(&request)) {
        counters[map_size(e) - 1u] = 1;
        uint32_t answer[2] = {self, engine_execute(input->bytes, input->size) == 0 ? 0 : SIGABRT};
        if (compares != NULL) {
            tell_compares(compares, e);
        }
        if (!send_words(answer, 2)) {
            break;
        }
    }
    return AFL_ENDED;
}

enum afl_end afl_serve(void)
{
    const struct engine *e = engine_current();
    /* Set for the second target, the one that is started for the sake of its compares. */
    bool tells_compares = getenv("___AFL_EINS_ZWEI_POLIZEI___") != NULL;
    uint8_t *counters = attach("__AFL_SHM_ID");
    if (counters == NULL) {
        return AFL_ALONE;
    }
    if (!e->feedback(e->core, counters)) {
        return AFL_REFUSED;
    }
    struct shared_input *input = attach("__AFL_SHM_FUZZ_ID");
    struct shared_compares *compares = tells_compares ? attach("__AFL_CMPLOG_SHM_ID") : NULL;
    uint32_t abilities = HAS_ABILITIES | HAS_MAP_SIZE | HAS_SHARED_INPUT | HAS_COMPARES | (map_size(e) - 1u) << 1;
    if (!send_words(&abilities, 1)) {
        return AFL_ALONE; /* of a fuzzer that starts the target for a single run */
    }
    uint32_t acknowledged;
    if (input == NULL || (tells_compares && compares == NULL) || !receive_word(&acknowledged)) {
        return AFL_REFUSED;
    }
    if (!tells_compares) {
        last_run_share(true);
    }
    return serve(input, counters, compares);
}
