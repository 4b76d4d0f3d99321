// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_MLDSA_ROUND_H
#define CRYPTO_MLDSA_ROUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mldsa.h"

// High-order and low-order parts of coefficients, hints, and norms (FIPS 204, section 7.4).
//
// A split polynomial holds both parts of each coefficient in one integer, 2^20 * high + low. The absolute value of the
// low part stays below 2^19 even when c s2 is subtracted and c t0 added, as 2 gamma2 + beta < 2^19; so these can be
// added to the whole integer and both parts be recovered.

enum {
    MLDSA_D = 13, // dropped bits of t
    MLDSA_SPLIT = 20,
};

static inline int32_t mldsa_split_low(int32_t split)
{
    return (int32_t)((uint32_t)split << (32 - MLDSA_SPLIT)) >> (32 - MLDSA_SPLIT);
}

static inline int32_t mldsa_split_high(int32_t split)
{
    return (split + (1 << (MLDSA_SPLIT - 1))) >> MLDSA_SPLIT;
}

// FIPS 204, algorithm 35, for coefficients in [0, q): a becomes t1, from 0 to 1023, t0 is from 1 - 2^12 to 2^12.
void mldsa_power2_round(int32_t a[MLDSA_N], int32_t t0[MLDSA_N]);

// FIPS 204, algorithm 36, for coefficients in (-q, q): splits a.
void mldsa_decompose(const struct mldsa_parameters *p, int32_t a[MLDSA_N]);

// Subtracts the polynomial from a split one; whether all low-order parts are then below the bound.
__attribute__((warn_unused_result)) bool mldsa_subtract_low(int32_t split[MLDSA_N], const int32_t a[MLDSA_N],
                                                            int32_t bound);

// Adds a to sum; whether all coefficients of the sum are then below the bound.
__attribute__((warn_unused_result)) bool mldsa_add_below(int32_t sum[MLDSA_N], const int32_t a[MLDSA_N], int32_t bound);

// Whether the absolute values of all coefficients are below the bound.
__attribute__((warn_unused_result)) bool mldsa_norm_below(const int32_t a[MLDSA_N], int32_t bound);

// FIPS 204, algorithm 39: split is that of w - c s2, c_t0 that of c t0, both of norms below gamma2. split becomes the
// hints, 0 or 1; returns their number.
uint32_t mldsa_make_hints(const struct mldsa_parameters *p, int32_t split[MLDSA_N], const int32_t c_t0[MLDSA_N]);

// FIPS 204, algorithm 40: corrects the high-order parts at the `count` positions where the hint is 1.
void mldsa_use_hints(const struct mldsa_parameters *p, int32_t split[MLDSA_N], const uint8_t *positions, size_t count);

#endif
