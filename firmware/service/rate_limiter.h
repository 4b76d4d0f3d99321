/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Token bucket with a cooldown (RATE-1, RATE-2). */
#ifndef RATE_LIMITER_H
#define RATE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

/* Fills the bucket; `now` is the clock's reading in microseconds. */
void rate_limiter_init(uint64_t now);

/* Takes a token for a request at `now`. False: the request is RATE_LIMITED. */
__attribute__((warn_unused_result)) bool rate_limiter_admit(uint64_t now);

#endif
