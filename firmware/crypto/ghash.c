// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ghash.h"

#include "wipe.h"

// How an element of GF(2^128) is held
//
// SP 800-38D section 6.3 takes the bits of a block, most significant bit of the first byte first, for the coefficients
// of u^0, u^1, ..., u^127 of a polynomial over GF(2), modulo P = u^128 + u^7 + u^2 + u + 1. Read as a big-endian
// integer the block has the coefficient of u^j in bit 127 - j; four words hold it here, least significant word first.
//
// The carry-less product of two such integers has the coefficient of u^k in bit 254 - k, one position short of where
// the upper half of eight words would be the result. So the subkey is kept divided by u: the product of a and h / u has
// the coefficient of u^k of a * h in bit 255 - k, and no shift is needed.

// How words are multiplied without carries
//
// The Cortex-M4 multiplies 32 x 32 -> 64 bits in one cycle whatever the operands, but carries. Both operands are split
// into four lanes, lane i holding the bits at positions i modulo 4 in place and zeros elsewhere. The product of lanes
// i and j counts, at each position congruent to i + j modulo 4, the pairs of bits that meet there, in a field of four
// bits. The lowest bit of the field is the sum modulo 2 that is wanted; the rest is masked off at the end.
//
// Counts must stay below 16. At most 8 pairs meet, and that only in the middle, field 7 of 0..14 counted from i + j.
// Two products may thus be added if these middles differ: 8 + 7 = 15. They do where i + j is below 4 for one and not
// for the other, as the latter is one field higher. Other products of the same residue are joined by XOR, not by
// addition.
#define LANE(i) (UINT32_C(0x11111111) << (i))
#define WIDE_LANE(i) (UINT64_C(0x1111111111111111) << (i))

// Has the compiler finish two values at this point, and start nothing that comes later; otherwise it runs ahead, and
// spends a third of its instructions on spilling. No instruction of its own, and the result is the same without.
#if defined(__GNUC__)
#define SETTLE(a, b) __asm__ volatile("" : "+r"(a), "+r"(b) : : "memory")
#else
#define SETTLE(a, b) ((void)0)
#endif

static inline uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline void store_be32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value >> 24);
    p[1] = (uint8_t)(value >> 16);
    p[2] = (uint8_t)(value >> 8);
    p[3] = (uint8_t)value;
}

static inline uint64_t wide(uint32_t a, uint32_t b)
{
    return (uint64_t)a * b;
}

// Adds to low, high the bits of z that are in lane i.
#define COLLECT(i)                                                                                                     \
    do {                                                                                                               \
        low |= (uint32_t)z & LANE(i);                                                                                  \
        high |= (uint32_t)(z >> 32) & LANE(i);                                                                         \
        SETTLE(low, high);                                                                                             \
    } while (0)

// The carry-less product of x and a word that is given in lanes.
static inline __attribute__((always_inline)) uint64_t multiply(uint32_t x, const uint32_t lane[4])
{
    uint32_t x0 = x & LANE(0), x1 = x & LANE(1), x2 = x & LANE(2), x3 = x & LANE(3);
    uint32_t h0 = lane[0], h1 = lane[1], h2 = lane[2], h3 = lane[3];
    uint32_t low = 0, high = 0;
    uint64_t z;

    SETTLE(x0, x1);
    SETTLE(x2, x3);
    SETTLE(h0, h1);
    SETTLE(h2, h3);
    z = (wide(x0, h0) + wide(x1, h3)) ^ wide(x2, h2) ^ wide(x3, h1);
    COLLECT(0);
    z = (wide(x0, h1) + wide(x2, h3)) ^ (wide(x1, h0) + wide(x3, h2));
    COLLECT(1);
    z = (wide(x0, h2) + wide(x3, h3)) ^ wide(x1, h1) ^ wide(x2, h0);
    COLLECT(2);
    z = wide(x0, h3) ^ wide(x1, h2) ^ wide(x2, h1) ^ wide(x3, h0);
    COLLECT(3);
    return (uint64_t)high << 32 | low;
}

// Karatsuba's product of (x1, x0) and a two-word operand of which the lanes of low word, high word and their sum are
// given: with l and h the products of the low and of the high words, the middle is (x0 + x1)(h0 + h1) + l + h.
static inline __attribute__((always_inline)) void multiply_two(uint32_t product[4], uint32_t x0, uint32_t x1,
                                                               const uint32_t lane[3][4])
{
    const uint64_t l = multiply(x0, lane[0]);
    const uint64_t h = multiply(x1, lane[1]);
    const uint64_t middle = multiply(x0 ^ x1, lane[2]) ^ l ^ h;

    product[0] = (uint32_t)l;
    product[1] = (uint32_t)(l >> 32) ^ (uint32_t)middle;
    product[2] = (uint32_t)h ^ (uint32_t)(middle >> 32);
    product[3] = (uint32_t)(h >> 32);
}

// Bit p of the lower half stands for u^(255 - p) = u^(127 - p) * (1 + u + u^2 + u^7), that is, for bits p + 128, p +
// 127, p + 126 and p + 121. Lowest word first, as it adds to the fourth.
static inline __attribute__((always_inline)) void reduce(uint32_t y[4], uint32_t z[8])
{
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t w = z[i];

        z[i + 3] ^= w << 31 ^ w << 30 ^ w << 25;
        z[i + 4] ^= w ^ w >> 1 ^ w >> 2 ^ w >> 7;
    }
    for (unsigned i = 0; i < 4; i++) {
        y[i] = z[i + 4];
    }
}

// One step of SP 800-38D algorithm 2: Y = (Y + X) * H.
static void absorb_block(struct ghash *state, const uint8_t block[16])
{
    const uint32_t x0 = state->y[0] ^ load_be32(block + 12), x1 = state->y[1] ^ load_be32(block + 8);
    const uint32_t x2 = state->y[2] ^ load_be32(block + 4), x3 = state->y[3] ^ load_be32(block);
    uint32_t l[4], h[4], middle[4];
    uint32_t z[8];

    multiply_two(l, x0, x1, state->lane[0]);
    multiply_two(h, x2, x3, state->lane[1]);
    multiply_two(middle, x0 ^ x2, x1 ^ x3, state->lane[2]);
    for (unsigned i = 0; i < 4; i++) {
        z[i] = l[i];
        z[i + 4] = h[i];
    }
    for (unsigned i = 0; i < 4; i++) {
        z[i + 2] ^= middle[i] ^ l[i] ^ h[i];
    }
    reduce(state->y, z);
}

void ghash_init(struct ghash *state, const uint8_t subkey[16])
{
    uint32_t h[4];
    uint32_t operand[9];

    for (unsigned i = 0; i < 4; i++) {
        h[i] = load_be32(subkey + 12 - 4 * i);
    }
    // Divided by u every coefficient moves up by one bit; that of u^0 leaves at the top as u^-1 = u^127 + u^6 + u + 1:
    // bits 0, 121, 126 and 127.
    const uint32_t out = 0u - (h[3] >> 31);
    operand[4] = (h[3] << 1 | h[2] >> 31) ^ (out & 0xc2000000u);
    operand[3] = h[2] << 1 | h[1] >> 31;
    operand[1] = h[1] << 1 | h[0] >> 31;
    operand[0] = h[0] << 1 ^ (out & 1u);

    // What multiply_two wants: low half, high half and their sum, each as low word, high word and their sum.
    operand[6] = operand[0] ^ operand[3];
    operand[7] = operand[1] ^ operand[4];
    for (unsigned i = 0; i < 9; i += 3) {
        operand[i + 2] = operand[i] ^ operand[i + 1];
    }
    for (unsigned i = 0; i < 9; i++) {
        for (unsigned j = 0; j < 4; j++) {
            state->lane[i / 3][i % 3][j] = operand[i] & LANE(j);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        state->y[i] = 0;
    }
    wipe(h, sizeof h);
    wipe(operand, sizeof operand);
}

void ghash_update(struct ghash *state, const uint8_t *data, size_t n)
{
    uint8_t last[16] = {0};

    for (; n >= sizeof last; n -= sizeof last) {
        absorb_block(state, data);
        data += sizeof last;
    }
    if (n > 0) {
        for (size_t i = 0; i < n; i++) {
            last[i] = data[i];
        }
        absorb_block(state, last);
        wipe(last, sizeof last);
    }
}

void ghash_value(const struct ghash *state, uint8_t value[16])
{
    for (unsigned i = 0; i < 4; i++) {
        store_be32(value + 12 - 4 * i, state->y[i]);
    }
}
