// SPDX-License-Identifier: MIT OR Apache-2.0
#include "mldsa_round.h"

#include "mldsa_ntt.h"

void mldsa_power2_round(int32_t a[MLDSA_N], int32_t t0[MLDSA_N])
{
    for (size_t i = 0; i < MLDSA_N; i++) {
        int32_t high = (a[i] + (1 << (MLDSA_D - 1)) - 1) >> MLDSA_D;

        t0[i] = a[i] - high * (1 << MLDSA_D);
        a[i] = high;
    }
}

// What division by alpha = 2 gamma2 needs: quotient = (x * reciprocal) >> 49 with reciprocal = ceil(2^49 / alpha). That
// is exact for x < 2^24, because the excess reciprocal * alpha - 2^49 is below 2^20.
struct divisor {
    int32_t alpha;
    uint32_t reciprocal;
    int32_t quotients; // (q - 1) / alpha, the number of high-order parts
};

static const struct divisor divisors[2] = {
    {.alpha = (MLDSA_Q - 1) / 16, .reciprocal = 1074791426u, .quotients = 16},
    {.alpha = (MLDSA_Q - 1) / 44, .reciprocal = 2955676419u, .quotients = 44},
};

static const struct divisor *divisor_of(const struct mldsa_parameters *p)
{
    return &divisors[p->gamma2 == (MLDSA_Q - 1) / 88];
}

void mldsa_decompose(const struct mldsa_parameters *p, int32_t a[MLDSA_N])
{
    const struct divisor by = *divisor_of(p);
    const int32_t round = by.alpha / 2 - 1;

    for (size_t i = 0; i < MLDSA_N; i++) {
        int32_t value = mldsa_positive(a[i]);
        int32_t high = (int32_t)(((uint64_t)(uint32_t)(value + round) * by.reciprocal) >> 49);
        int32_t low = value - high * by.alpha;
        // cppcheck-suppress shiftTooManyBitsSigned
        int32_t wraps = (by.quotients - 1 - high) >> 31; // all ones if value - low = q - 1

        a[i] = (high & ~wraps) * (1 << MLDSA_SPLIT) + low + wraps;
    }
}

// Bit 31 is set if the absolute value of a is bound or more.
static inline uint32_t beyond(int32_t a, int32_t bound)
{
    return (uint32_t)(bound - 1 - a) | (uint32_t)(bound - 1 + a);
}

bool mldsa_subtract_low(int32_t split[MLDSA_N], const int32_t a[MLDSA_N], int32_t bound)
{
    uint32_t any = 0;

    for (size_t i = 0; i < MLDSA_N; i++) {
        split[i] -= a[i];
        any |= beyond(mldsa_split_low(split[i]), bound);
    }
    return any >> 31 == 0;
}

bool mldsa_add_below(int32_t sum[MLDSA_N], const int32_t a[MLDSA_N], int32_t bound)
{
    uint32_t any = 0;

    for (size_t i = 0; i < MLDSA_N; i++) {
        sum[i] += a[i];
        any |= beyond(sum[i], bound);
    }
    return any >> 31 == 0;
}

bool mldsa_norm_below(const int32_t a[MLDSA_N], int32_t bound)
{
    uint32_t any = 0;

    for (size_t i = 0; i < MLDSA_N; i++) {
        any |= beyond(a[i], bound);
    }
    return any >> 31 == 0;
}

// With low = r0 + c t0, where w - c s2 = 2 gamma2 * high + r0 is decomposed: the high-order part differs from that of
// w - c s2 + c t0 if low is outside [-gamma2, gamma2], and for -gamma2, which belongs to the part below, unless high is
// 0: the value is then q - gamma2, the last part is cut short by algorithm 36, and its high-order part is 0 again.
uint32_t mldsa_make_hints(const struct mldsa_parameters *p, int32_t split[MLDSA_N], const int32_t c_t0[MLDSA_N])
{
    uint32_t count = 0;

    for (size_t i = 0; i < MLDSA_N; i++) {
        int32_t sum = split[i] + c_t0[i];
        int32_t low = mldsa_split_low(sum);
        uint32_t high_not_zero = (uint32_t)-mldsa_split_high(sum) >> 31;
        uint32_t above = (uint32_t)(p->gamma2 - low) >> 31;
        uint32_t below = (uint32_t)(low + p->gamma2 - (int32_t)high_not_zero) >> 31;

        split[i] = (int32_t)(above | below);
        count += above | below;
    }
    return count;
}

void mldsa_use_hints(const struct mldsa_parameters *p, int32_t split[MLDSA_N], const uint8_t *positions, size_t count)
{
    const int32_t quotients = divisor_of(p)->quotients;

    for (size_t i = 0; i < count; i++) {
        int32_t *value = &split[positions[i]];
        int32_t high = mldsa_split_high(*value) + (mldsa_split_low(*value) > 0 ? 1 : quotients - 1);

        *value = (high < quotients ? high : high - quotients) * (1 << MLDSA_SPLIT);
    }
}
