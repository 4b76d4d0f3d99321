// SPDX-License-Identifier: MIT OR Apache-2.0
#include "little_endian.h"
#include "mlkem_arithmetic.h"
#include "mlkem_poly.h"

// Numbers of d bits are packed by 32, which fill d words. With d known at compile time and the loops unrolled, all
// shifts are constants.
enum {
    GROUP = 32,
};

// ceil(2^42 / q). RECIPROCAL * q exceeds 2^42 by less than q, so that for all u below 2^42 / q the quotients u / q and
// u * RECIPROCAL / 2^42 are the same when rounded down.
#define RECIPROCAL 1321131425u

// Compress_d (section 4.2.1): round(2^d / q * x) mod 2^d, for x from 0 to 2 * q and d up to 11.
static inline uint32_t compress_number(uint32_t x, unsigned d)
{
    // cppcheck-suppress shiftTooManyBits ; it takes the 32 of a loop's end for a possible d
    uint32_t u = (x << d) + MLKEM_Q / 2;

    // cppcheck-suppress shiftTooManyBits
    return (uint32_t)(((uint64_t)u * RECIPROCAL) >> 42) & ((1u << d) - 1);
}

// Decompress_d (section 4.2.1): round(q / 2^d * y).
static inline uint32_t decompress_number(uint32_t y, unsigned d)
{
    return (y * MLKEM_Q + (1u << (d - 1))) >> d;
}

// ByteEncode_d of 32 numbers, compressed first where d is below 12.
static inline __attribute__((always_inline)) void pack_group(uint8_t *bytes, const uint32_t pair[GROUP / 2], unsigned d)
{
    uint32_t word = 0;
    unsigned used = 0;

#pragma GCC unroll 32
    for (unsigned i = 0; i < GROUP; i++) {
        uint32_t both = pair_make_positive(pair[i / 2]);
        uint32_t value = i % 2 == 0 ? both & 0xffffu : both >> 16;

        value = d == 12 ? value : compress_number(value, d);
        word |= value << used;
        used += d;
        if (used >= 32) {
            store32_le(bytes, word);
            bytes += 4;
            used -= 32;
            word = used == 0 ? 0 : value >> (d - used);
        }
    }
}

// ByteDecode_d of 32 numbers, decompressed afterwards where d is below 12.
static inline __attribute__((always_inline)) void unpack_group(uint32_t pair[GROUP / 2], const uint8_t *bytes,
                                                               unsigned d)
{
    uint32_t word = 0;
    uint32_t first = 0;
    unsigned available = 0;

#pragma GCC unroll 32
    for (unsigned i = 0; i < GROUP; i++) {
        uint32_t value = word;

        if (available < d) {
            word = load32_le(bytes);
            bytes += 4;
            value |= word << available;
            word >>= d - available;
            available += 32 - d;
        } else {
            word >>= d;
            available -= d;
        }
        value &= (1u << d) - 1;
        value = d == 12 ? value : decompress_number(value, d);
        if (i % 2 == 0) {
            first = value;
        } else {
            pair[i / 2] = first | value << 16;
        }
    }
}

static inline __attribute__((always_inline)) void pack(uint8_t *bytes, const struct mlkem_poly *f, unsigned d)
{
    for (unsigned i = 0; i < MLKEM_PAIRS; i += GROUP / 2) {
        pack_group(bytes, f->pair + i, d);
        bytes += 4 * d;
    }
}

static inline __attribute__((always_inline)) void unpack(struct mlkem_poly *f, const uint8_t *bytes, unsigned d)
{
    for (unsigned i = 0; i < MLKEM_PAIRS; i += GROUP / 2) {
        unpack_group(f->pair + i, bytes, d);
        bytes += 4 * d;
    }
}

void mlkem_encode(uint8_t bytes[MLKEM_POLY_SIZE], const struct mlkem_poly *f)
{
    pack(bytes, f, 12);
}

void mlkem_decode(struct mlkem_poly *f, const uint8_t bytes[MLKEM_POLY_SIZE])
{
    unpack(f, bytes, 12);
}

void mlkem_compress(uint8_t *bytes, const struct mlkem_poly *f, unsigned d)
{
    switch (d) {
    case 1:
        pack(bytes, f, 1);
        break;
    case 4:
        pack(bytes, f, 4);
        break;
    case 5:
        pack(bytes, f, 5);
        break;
    case 10:
        pack(bytes, f, 10);
        break;
    default: // 11
        pack(bytes, f, 11);
        break;
    }
}

void mlkem_decompress(struct mlkem_poly *f, const uint8_t *bytes, unsigned d)
{
    switch (d) {
    case 1:
        unpack(f, bytes, 1);
        break;
    case 4:
        unpack(f, bytes, 4);
        break;
    case 5:
        unpack(f, bytes, 5);
        break;
    case 10:
        unpack(f, bytes, 10);
        break;
    default: // 11
        unpack(f, bytes, 11);
        break;
    }
}
