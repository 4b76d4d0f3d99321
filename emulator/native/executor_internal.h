/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the executor's files share: its state, one exchange (exchange.c), the steps of a script (script.c). */
#ifndef EMULATOR_NATIVE_EXECUTOR_INTERNAL_H
#define EMULATOR_NATIVE_EXECUTOR_INTERNAL_H

#include "core_internal.h"

#include <string.h>

#define HEADER_SIZE 8u
#define ARENA_SIZE (8u << 20) /* what the exchanges of one script may take; the script ends where it is full */

struct executor {
    core *c;
    struct executor_config config;
    executor_judge judge;
    void *user;

    uint8_t *window;
    uint8_t *keys;
    uint8_t *clock_word;
    uint64_t clock_at_start;
    uint32_t answered_at_start;
    uint8_t *images[EXECUTOR_IMAGES];
    uint32_t image_count;

    /* The script that runs. */
    uint8_t *building; /* an area: header, then what was built */
    uint32_t built;
    bool claims;
    uint32_t claimed;
    bool races;
    uint32_t race_at;
    uint8_t race_mask;
    uint8_t *last; /* the last request that was posted */
    uint32_t last_size;
    uint32_t extent;        /* bytes of the request area that are not known to be zero */
    uint32_t answered;      /* the last doorbell value that the guest has answered */
    uint32_t written_begin; /* in the window, by SCRIPT_WINDOW */
    uint32_t written_end;
    uint32_t image;
    uint32_t step; /* where the step begins that is performed */
    uint64_t clock;
    uint32_t state;
    uint32_t sends;
    bool watches;
    uint32_t until_watched;
    enum core_stop stop;

    uint8_t *arena;
    size_t arena_used;
    struct executor_exchange exchanges[EXECUTOR_EXCHANGES];
    size_t exchange_count;
    uint64_t instructions;
    uint64_t *reached;
};

static inline uint32_t load_word(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline void store_word(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* Ring for what stands in the request area, or post a request first. False: this script is over, `verdict` says why. */
bool exchange(executor *e, enum executor_verdict *verdict);
bool post_request(executor *e, const uint8_t *request, uint32_t size, enum executor_verdict *verdict);
void clear_request(executor *e);

void set_clock(executor *e, uint64_t now);
void set_image(executor *e, uint32_t image);
enum executor_verdict run_script(executor *e, const uint8_t *script, size_t size);

#endif
