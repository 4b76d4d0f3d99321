/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The bucket is counted in microseconds: a token is RATE_INTERVAL_US of credit. The remainder is kept by itself, and
 * nothing is divided.
 */
#include "service/rate_limiter.h"

#include "protocol.h"

#define CREDIT_FULL (RATE_CAPACITY * RATE_INTERVAL_US)

/* Longer than this fills the bucket and ends the cooldown alike. */
#define ELAPSED_MAX (CREDIT_FULL > RATE_COOLDOWN_US ? CREDIT_FULL : RATE_COOLDOWN_US)

_Static_assert(CREDIT_FULL <= UINT32_MAX - ELAPSED_MAX, "credit and elapsed time add up in 32 bits");

static struct {
    uint64_t last;     /* the clock at the request before */
    uint32_t credit;   /* microseconds, at most CREDIT_FULL */
    uint32_t cooldown; /* microseconds that are left of it */
} rate_limiter;

void rate_limiter_init(uint64_t now)
{
    rate_limiter.last = now;
    rate_limiter.credit = CREDIT_FULL;
    rate_limiter.cooldown = 0;
}

/* Microseconds since the request before, at most ELAPSED_MAX; none when the clock has stepped back. */
static uint32_t take_elapsed(uint64_t now)
{
    const uint64_t last = rate_limiter.last;

    rate_limiter.last = now;
    if (now <= last)
        return 0;
    const uint64_t elapsed = now - last;
    return elapsed < ELAPSED_MAX ? (uint32_t)elapsed : ELAPSED_MAX;
}

bool rate_limiter_admit(uint64_t now)
{
    const uint32_t elapsed = take_elapsed(now);
    const uint32_t credit = rate_limiter.credit + elapsed;

    rate_limiter.credit = credit < CREDIT_FULL ? credit : CREDIT_FULL;
    rate_limiter.cooldown -= elapsed < rate_limiter.cooldown ? elapsed : rate_limiter.cooldown;
    if (rate_limiter.cooldown > 0)
        return false;
    if (rate_limiter.credit < RATE_INTERVAL_US) {
        rate_limiter.cooldown = RATE_COOLDOWN_US;
        return false;
    }
    rate_limiter.credit -= RATE_INTERVAL_US;
    return true;
}
