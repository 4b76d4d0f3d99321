// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_MLDSA_SAMPLE_H
#define CRYPTO_MLDSA_SAMPLE_H

#include <stdint.h>

#include "mldsa.h"
#include "sha3.h"

// Pseudorandom sampling (FIPS 204, section 7.3). The context is working memory, to be wiped by the caller.

// One row of FIPS 204, algorithm 32: l polynomials of three bytes a coefficient, little-endian and below q but for the
// top bit, which is left as it was drawn.
void mldsa_expand_row(const struct mldsa_parameters *p, uint8_t *row, const uint8_t rho[32], uint8_t r,
                      struct shake *shake);

// FIPS 204, algorithm 31, with the seed of 66 bytes in two parts, as in algorithm 33: coefficients from -eta to eta.
void mldsa_expand_secret(const struct mldsa_parameters *p, int32_t a[MLDSA_N], const uint8_t seed[64], uint8_t index,
                         struct shake *shake);

// One polynomial of FIPS 204, algorithm 34: coefficients from 1 - gamma1 to gamma1. bytes: 640 bytes, left with
// secrets.
void mldsa_expand_mask(const struct mldsa_parameters *p, int32_t a[MLDSA_N], uint8_t *bytes, const uint8_t seed[64],
                       uint16_t index, struct shake *shake);

// FIPS 204, algorithm 29: tau coefficients are 1 or -1, the others 0.
void mldsa_sample_in_ball(const struct mldsa_parameters *p, int32_t c[MLDSA_N], const uint8_t *challenge,
                          struct shake *shake);

#endif
