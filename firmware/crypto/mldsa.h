// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_MLDSA_H
#define CRYPTO_MLDSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sha3.h"

// ML-DSA (FIPS 204), the pure variant, for all three parameter sets. Nothing here branches on or addresses by a secret,
// except that rejection sampling shows how many candidates it refused: those are independent of what it delivers.

enum {
    MLDSA_N = 256, // coefficients of a polynomial
    MLDSA_SEED_SIZE = 32,
    MLDSA_RND_SIZE = 32,
    MLDSA_MU_SIZE = 64,
    MLDSA_CONTEXT_MAX = 255,
    MLDSA_K_MAX = 8,
    MLDSA_L_MAX = 7,
    MLDSA_CHALLENGE_MAX = 64, // lambda / 4
    MLDSA_PUBLIC_KEY_MAX = 2592,
    MLDSA_SECRET_KEY_MAX = 4896,
    MLDSA_SIGNATURE_MAX = 4627,
    MLDSA_MATRIX_POLYNOMIAL_SIZE = 3 * MLDSA_N, // a polynomial of the matrix, three bytes a coefficient
};

// FIPS 204, tables 1 and 2.
struct mldsa_parameters {
    uint8_t k;
    uint8_t l;
    uint8_t eta;
    uint8_t tau;
    uint8_t beta;
    uint8_t omega;
    uint16_t lambda;
    int32_t gamma1;
    int32_t gamma2;
    uint16_t public_key_size;
    uint16_t secret_key_size;
    uint16_t signature_size;
};

extern const struct mldsa_parameters mldsa_44;
extern const struct mldsa_parameters mldsa_65;
extern const struct mldsa_parameters mldsa_87;

// Working memory of all operations; its content before a call does not matter. A parameter set uses k * l, l, l and k
// polynomials of the four arrays. The matrix is kept with three bytes a coefficient, and the secret vectors are not
// kept at all but transformed anew for each attempt at a signature: that costs few instructions, as most attempts end
// at the first of those polynomials, and saves 37 KiB for ML-DSA-87.
struct mldsa_scratch {
    uint8_t matrix[MLDSA_K_MAX * MLDSA_L_MAX * MLDSA_MATRIX_POLYNOMIAL_SIZE];
    int32_t y[MLDSA_L_MAX][MLDSA_N];
    int32_t y_hat[MLDSA_L_MAX][MLDSA_N];
    int32_t w[MLDSA_K_MAX][MLDSA_N];
    int32_t c_hat[MLDSA_N];
    struct shake shake;
    uint8_t seeds[128]; // of a key: rho, rho', K
    uint8_t mu[MLDSA_MU_SIZE];
    uint8_t mask_seed[64]; // rho'' of a signature
    uint8_t challenge[MLDSA_CHALLENGE_MAX];
};

// FIPS 204, algorithm 6: the key pair of a seed (xi). pk: p->public_key_size bytes. sk: p->secret_key_size bytes in the
// standard's encoding, or NULL. Leaves scratch wiped.
void mldsa_keygen(const struct mldsa_parameters *p, const uint8_t seed[MLDSA_SEED_SIZE], uint8_t *pk, uint8_t *sk,
                  struct mldsa_scratch *scratch);

// FIPS 204, algorithm 2: signs a message of n bytes; rnd is fresh randomness, or zeros for deterministic signatures.
// signature: p->signature_size bytes. Fails, with a signature of zeros, if the context is longer than 255 bytes, if the
// secret key is not the encoding of any, or if the limit of attempts is exceeded (probability below 2^-250). Leaves
// scratch wiped.
__attribute__((warn_unused_result)) bool mldsa_sign(const struct mldsa_parameters *p, const uint8_t *sk,
                                                    const uint8_t *context, size_t context_length,
                                                    const uint8_t *message, size_t n, const uint8_t rnd[MLDSA_RND_SIZE],
                                                    uint8_t *signature, struct mldsa_scratch *scratch);

// FIPS 204, algorithm 3: whether the signature is valid. Any lengths are allowed.
__attribute__((warn_unused_result)) bool mldsa_verify(const struct mldsa_parameters *p, const uint8_t *pk,
                                                      const uint8_t *context, size_t context_length,
                                                      const uint8_t *message, size_t n, const uint8_t *signature,
                                                      size_t signature_length, struct mldsa_scratch *scratch);

// FIPS 204, algorithms 7 and 8, for validation: what is signed is the n bytes of a formatted message M'.
__attribute__((warn_unused_result)) bool mldsa_sign_internal(const struct mldsa_parameters *p, const uint8_t *sk,
                                                             const uint8_t *formatted, size_t n,
                                                             const uint8_t rnd[MLDSA_RND_SIZE], uint8_t *signature,
                                                             struct mldsa_scratch *scratch);
__attribute__((warn_unused_result)) bool mldsa_verify_internal(const struct mldsa_parameters *p, const uint8_t *pk,
                                                               const uint8_t *formatted, size_t n,
                                                               const uint8_t *signature, size_t signature_length,
                                                               struct mldsa_scratch *scratch);

#endif
