// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_MLDSA_ENCODE_H
#define CRYPTO_MLDSA_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mldsa.h"

// Polynomials as bytes (FIPS 204, algorithms 16 to 28). The number of bytes depends on nothing but the parameter set.

enum {
    MLDSA_T1_SIZE = 320,
    MLDSA_T0_SIZE = 416,
    MLDSA_SECRET_SIZE_MAX = 128,
    MLDSA_RESPONSE_SIZE_MAX = 640,
    MLDSA_HIGH_SIZE_MAX = 192,
};

// A little-endian number of three bytes.
static inline uint32_t mldsa_load24(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

size_t mldsa_secret_size(const struct mldsa_parameters *p);   // of a polynomial of s1 or s2
size_t mldsa_response_size(const struct mldsa_parameters *p); // of a polynomial of y or z
size_t mldsa_high_size(const struct mldsa_parameters *p);     // of a polynomial of w1

// Coefficients from 0 to 1023.
void mldsa_pack_t1(uint8_t bytes[MLDSA_T1_SIZE], const int32_t a[MLDSA_N]);

// Delivers t1 * 2^d.
void mldsa_unpack_t1(int32_t a[MLDSA_N], const uint8_t bytes[MLDSA_T1_SIZE]);

// Coefficients from 1 - 2^12 to 2^12.
void mldsa_pack_t0(uint8_t bytes[MLDSA_T0_SIZE], const int32_t a[MLDSA_N]);
void mldsa_unpack_t0(int32_t a[MLDSA_N], const uint8_t bytes[MLDSA_T0_SIZE]);

// Coefficients from -eta to eta.
void mldsa_pack_secret(const struct mldsa_parameters *p, uint8_t *bytes, const int32_t a[MLDSA_N]);
void mldsa_unpack_secret(const struct mldsa_parameters *p, int32_t a[MLDSA_N], const uint8_t *bytes);

// Whether n bytes, a number of whole polynomials, unpack to coefficients from -eta to eta; others come out lower.
__attribute__((warn_unused_result)) bool mldsa_secret_valid(const struct mldsa_parameters *p, const uint8_t *bytes,
                                                            size_t n);

// Coefficients from 1 - gamma1 to gamma1.
void mldsa_pack_response(const struct mldsa_parameters *p, uint8_t *bytes, const int32_t a[MLDSA_N]);
void mldsa_unpack_response(const struct mldsa_parameters *p, int32_t a[MLDSA_N], const uint8_t *bytes);

// One polynomial of FIPS 204, algorithm 28: the high-order parts of a split polynomial.
void mldsa_pack_high(const struct mldsa_parameters *p, uint8_t *bytes, const int32_t split[MLDSA_N]);

// FIPS 204, algorithm 20: the hints of all k polynomials, 0 or 1 each, at most omega of them 1, as omega + k bytes.
void mldsa_pack_hints(const struct mldsa_parameters *p, uint8_t *bytes, const int32_t (*hints)[MLDSA_N]);

// The checks of FIPS 204, algorithm 21: whether the omega + k bytes encode hints, in the only way they may. If so,
// those of polynomial i are 1 at the positions bytes[first] to bytes[last - 1], with first = i == 0 ? 0 : bytes[omega +
// i - 1] and last = bytes[omega + i].
__attribute__((warn_unused_result)) bool mldsa_hints_valid(const struct mldsa_parameters *p, const uint8_t *bytes);

#endif
