// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_MLDSA_NTT_H
#define CRYPTO_MLDSA_NTT_H

#include <stddef.h>
#include <stdint.h>

#include "mldsa.h"

// Arithmetic modulo q = 8380417 on polynomials of 256 coefficients (FIPS 204, sections 7.5, 7.6 and appendix A). A
// coefficient is any representative in an int32_t; the bounds below keep all sums in range without reductions. In the
// Montgomery products R = 2^32. Constant time where a 32-bit multiplication is, as on Cortex-M4.

enum {
    MLDSA_Q = 8380417,
};

#define MLDSA_MINUS_Q_INVERSE 4236238847u // -1 / q modulo R

// The result of FIPS 204, algorithm 49, for a * b: a * b / R modulo q. For |a * b| < 2^31 q the result is below q in
// absolute value, more precisely at most q / 2 + |a * b| / R.
static inline int32_t mldsa_reduce(int64_t product)
{
    int32_t factor = (int32_t)((uint32_t)product * MLDSA_MINUS_Q_INVERSE);

    return (int32_t)((product + (int64_t)factor * MLDSA_Q) >> 32);
}

static inline int32_t mldsa_multiply(int32_t a, int32_t b)
{
    return mldsa_reduce((int64_t)a * b);
}

// A representative in [0, q) of one in (-q, q).
static inline int32_t mldsa_positive(int32_t a)
{
    // Every compiler for this core shifts in copies of the sign.
    // cppcheck-suppress shiftTooManyBitsSigned
    return a + ((a >> 31) & MLDSA_Q);
}

// A representative of at most 0.51 q in absolute value, for |a| < 4 q.
static inline int32_t mldsa_centre(int32_t a)
{
    return a - ((a + (1 << 22)) >> 23) * MLDSA_Q;
}

// FIPS 204, algorithm 41. Input below B, output below B + 4.2 q (absolute values), for B <= q. out may be in.
void mldsa_ntt(int32_t out[MLDSA_N], const int32_t in[MLDSA_N]);

// FIPS 204, algorithm 42, times R. Input below 0.7 q, output below 0.67 q (absolute values). If the true result is less
// than 0.33 q away from 0, the output is that number, as the next representative is too far away.
void mldsa_inverse_ntt(int32_t a[MLDSA_N]);

// FIPS 204, algorithm 45, divided by R: out = a * b. out may be a or b. Output below 0.6 q for inputs of mldsa_ntt.
void mldsa_multiply_ntt(int32_t out[MLDSA_N], const int32_t a[MLDSA_N], const int32_t b[MLDSA_N]);

// One row of FIPS 204, algorithm 48, divided by R: the sum of row[j] * vector[j], with l = 4, 5 or 7 polynomials of
// three bytes a coefficient, of which the top bit is ignored. Output below 0.6 q for vectors from mldsa_ntt.
void mldsa_multiply_row(int32_t out[MLDSA_N], const uint8_t *row, const int32_t (*vector)[MLDSA_N], size_t l);

#endif
