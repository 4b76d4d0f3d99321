// SPDX-License-Identifier: MIT OR Apache-2.0
#include "little_endian.h"
#include "mlkem_arithmetic.h"
#include "mlkem_poly.h"
#include "sha3.h"
#include "wipe.h"

enum {
    GROUP_SIZE = 12, // bytes
    GROUP_CANDIDATES = 8,
};

// Eight candidates of 12 bits (algorithm 7, lines 6 and 7).
static inline void unpack_candidates(uint32_t candidate[GROUP_CANDIDATES], const uint8_t bytes[GROUP_SIZE])
{
    uint32_t a = load32_le(bytes);
    uint32_t b = load32_le(bytes + 4);
    uint32_t c = load32_le(bytes + 8);

    candidate[0] = a & 0xfffu;
    candidate[1] = (a >> 12) & 0xfffu;
    candidate[2] = (a >> 24) | (b & 0xfu) << 8;
    candidate[3] = (b >> 4) & 0xfffu;
    candidate[4] = (b >> 16) & 0xfffu;
    candidate[5] = (b >> 28) | (c & 0xffu) << 4;
    candidate[6] = (c >> 8) & 0xfffu;
    candidate[7] = c >> 20;
}

// Appends the candidates below q to the `count` coefficients that f has, until it has all; returns the new count.
static unsigned accept_candidates(struct mlkem_poly *f, unsigned count, const uint8_t block[SHAKE128_RATE])
{
    for (unsigned i = 0; i < SHAKE128_RATE; i += GROUP_SIZE) {
        uint32_t candidate[GROUP_CANDIDATES];

        unpack_candidates(candidate, block + i);
        if (count <= MLKEM_N - GROUP_CANDIDATES) { // room for all, so that each may be written before it is judged
            for (unsigned j = 0; j < GROUP_CANDIDATES; j++) {
                f->coefficient[count] = (int16_t)candidate[j];
                count += candidate[j] < MLKEM_Q;
            }
        } else {
            for (unsigned j = 0; j < GROUP_CANDIDATES && count < MLKEM_N; j++) {
                f->coefficient[count] = (int16_t)candidate[j];
                count += candidate[j] < MLKEM_Q;
            }
        }
    }
    return count;
}

void mlkem_sample_ntt(struct mlkem_poly *f, const uint8_t seed[MLKEM_SEED_SIZE], uint8_t column, uint8_t row)
{
    const uint8_t index[2] = {column, row};
    uint8_t block[SHAKE128_RATE];
    struct shake xof;

    shake128_init(&xof);
    shake_absorb(&xof, seed, MLKEM_SEED_SIZE);
    shake_absorb(&xof, index, sizeof index);
    shake_finish(&xof);
    for (unsigned count = 0; count < MLKEM_N;) {
        shake_squeeze(&xof, block, sizeof block);
        count = accept_candidates(f, count, block);
    }
}

// Algorithm 8 for eta = 2: eight coefficients from each word. Bits are added within fields of 2, then subtracted within
// fields of 4, where 4 on top keeps every difference positive.
static void noise_from_bits_2(struct mlkem_poly *f, const uint8_t *bytes)
{
    for (unsigned i = 0; i < MLKEM_N; i += 8) {
        uint32_t word = load32_le(bytes + i / 2);
        uint32_t sums = (word & 0x55555555u) + ((word >> 1) & 0x55555555u);
        uint32_t differences = (sums & 0x33333333u) + 0x44444444u - ((sums >> 2) & 0x33333333u);

        for (unsigned j = 0; j < 8; j++) {
            f->coefficient[i + j] = (int16_t)((int32_t)((differences >> (4 * j)) & 0xfu) - 4);
        }
    }
}

// The same for eta = 3: four coefficients from each 3 bytes, fields of 3 and of 6 bits.
static void noise_from_bits_3(struct mlkem_poly *f, const uint8_t *bytes)
{
    for (unsigned i = 0; i < MLKEM_N; i += 4) {
        uint32_t word = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
        uint32_t sums = (word & 0x249249u) + ((word >> 1) & 0x249249u) + ((word >> 2) & 0x249249u);
        uint32_t differences = (sums & 0x1c71c7u) + 0x104104u - ((sums >> 3) & 0x1c71c7u);

        for (unsigned j = 0; j < 4; j++) {
            f->coefficient[i + j] = (int16_t)((int32_t)((differences >> (6 * j)) & 0x3fu) - 4);
        }
        bytes += 3;
    }
}

void mlkem_sample_noise(struct mlkem_poly *f, unsigned eta, const uint8_t seed[MLKEM_SEED_SIZE], uint8_t nonce)
{
    uint8_t bytes[64 * 3];
    struct shake prf;

    shake256_init(&prf);
    shake_absorb(&prf, seed, MLKEM_SEED_SIZE);
    shake_absorb(&prf, &nonce, sizeof nonce);
    shake_finish(&prf);
    shake_squeeze(&prf, bytes, 64 * eta);
    if (eta == 2) {
        noise_from_bits_2(f, bytes);
    } else {
        noise_from_bits_3(f, bytes);
    }
    wipe(bytes, sizeof bytes);
    wipe(&prf, sizeof prf);
}
