// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_MLKEM_POLY_H
#define CRYPTO_MLKEM_POLY_H

#include <stdint.h>

// Polynomials of ML-KEM (FIPS 203): what mlkem.c computes with. Three files hold the functions: mlkem_ntt.c,
// mlkem_sample.c, mlkem_encode.c.

enum {
    MLKEM_N = 256,
    MLKEM_PAIRS = MLKEM_N / 2,
    MLKEM_SEED_SIZE = 32,
    MLKEM_POLY_SIZE = 384, // of ByteEncode_12
};

// 256 coefficients, or the 128 pairs of an NTT, as numbers modulo q of small magnitude; every function says how small
// it takes and leaves them. pair[i] holds coefficient[2 * i] in its lower half.
struct mlkem_poly {
    union {
        int16_t coefficient[MLKEM_N];
        uint32_t pair[MLKEM_PAIRS];
    };
};

#if defined(__BYTE_ORDER__)
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the two views of mlkem_poly need a little-endian machine");
#endif

// A sum of products in the NTT domain before its reduction modulo q.
struct mlkem_sum {
    int32_t value[MLKEM_N];
};

// mlkem_ntt.c

// To the NTT domain (algorithm 9), in place: coefficients grow by at most 7 * 1665, so that up to 4 * q is allowed.
void mlkem_ntt(struct mlkem_poly *f);

// From the NTT domain (algorithm 10), in place, of what mlkem_reduce left: undoes its factor. At most 1665 afterwards.
void mlkem_inverse_ntt(struct mlkem_poly *f);

// sum = sum + a * b in the NTT domain (algorithm 11). Two products of coefficients are added to each number of the sum;
// a sum may reach 1.5 * 10^9 before it is reduced. mlkem.c adds up to four times 4095 * 15000 * 2, or 0.5 * 10^9.
void mlkem_multiply_add(struct mlkem_sum *sum, const struct mlkem_poly *a, const struct mlkem_poly *b);

// sum = f
void mlkem_begin_sum(struct mlkem_sum *sum, const struct mlkem_poly *f);

// f = sum * (-1 / 2^32) mod q, at most 1665.
void mlkem_reduce(struct mlkem_poly *f, const struct mlkem_sum *sum);

// f = sum mod q, at most 1665.
void mlkem_reduce_exactly(struct mlkem_poly *f, const struct mlkem_sum *sum);

// f = f mod q, from any int16_t to at most 1665.
void mlkem_normalize(struct mlkem_poly *f);

// f = f + g, f = f - g
void mlkem_add(struct mlkem_poly *f, const struct mlkem_poly *g);
void mlkem_subtract(struct mlkem_poly *f, const struct mlkem_poly *g);

// mlkem_sample.c

// An element of the matrix A in the NTT domain, coefficients from 0 to q - 1 (SampleNTT, algorithm 7, of seed || column
// || row). Takes time that depends on the seed, which is public.
void mlkem_sample_ntt(struct mlkem_poly *f, const uint8_t seed[MLKEM_SEED_SIZE], uint8_t column, uint8_t row);

// Small noise, |f| <= eta, eta being 2 or 3 (SamplePolyCBD_eta, algorithm 8, of PRF_eta(seed, nonce)).
void mlkem_sample_noise(struct mlkem_poly *f, unsigned eta, const uint8_t seed[MLKEM_SEED_SIZE], uint8_t nonce);

// mlkem_encode.c

// ByteEncode_12 (algorithm 5) of coefficients above -q and below q.
void mlkem_encode(uint8_t bytes[MLKEM_POLY_SIZE], const struct mlkem_poly *f);

// ByteDecode_12 (algorithm 6) without the reduction modulo q: from 0 to 4095.
void mlkem_decode(struct mlkem_poly *f, const uint8_t bytes[MLKEM_POLY_SIZE]);

// ByteEncode_d of Compress_d (section 4.2.1), 32 * d bytes, of coefficients above -q and below 2 * q. d is 1, 4, 5, 10
// or 11.
void mlkem_compress(uint8_t *bytes, const struct mlkem_poly *f, unsigned d);

// Decompress_d of ByteDecode_d: from 0 to q - 1.
void mlkem_decompress(struct mlkem_poly *f, const uint8_t *bytes, unsigned d);

#endif
