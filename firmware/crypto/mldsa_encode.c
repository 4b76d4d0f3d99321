// SPDX-License-Identifier: MIT OR Apache-2.0
#include "mldsa_encode.h"

#include "little_endian.h"
#include "mldsa_ntt.h"
#include "mldsa_round.h"

// Eight coefficients of `width` bits are `width` bytes. The widths are constants wherever the two functions below are
// used, so that offsets and shifts are constants, too.
enum {
    GROUP = 8,
};

// FIPS 204, algorithms 18 and 19: the number at coefficient i of a group. Loads end inside the group, and so inside the
// encoding.
static inline __attribute__((always_inline)) uint32_t unpack_one(const uint8_t *bytes, unsigned width, unsigned i)
{
    const unsigned bit = width * i;
    unsigned byte = bit / 8;

    if (width < 4) {
        return (mldsa_load24(bytes) >> bit) & ((1u << width) - 1);
    }
    byte = byte < width - 4 ? byte : width - 4;
    return (load32_le(bytes + byte) >> (bit - 8 * byte)) & ((1u << width) - 1);
}

// a = top - number.
static inline __attribute__((always_inline)) void unpack(int32_t a[MLDSA_N], const uint8_t *bytes, unsigned width,
                                                         int32_t top)
{
    for (size_t group = 0; group < MLDSA_N / GROUP; group++) {
#pragma GCC unroll 8
        for (unsigned i = 0; i < GROUP; i++) {
            a[i] = top - (int32_t)unpack_one(bytes, width, i);
        }
        a += GROUP;
        bytes += width;
    }
}

// FIPS 204, algorithms 16 and 17: number = top - a.
static inline __attribute__((always_inline)) void pack(uint8_t *bytes, const int32_t a[MLDSA_N], unsigned width,
                                                       int32_t top)
{
    for (size_t group = 0; group < MLDSA_N / GROUP; group++) {
        uint32_t pending = 0; // bits not stored yet
        unsigned count = 0;   // their number

#pragma GCC unroll 8
        for (unsigned i = 0; i < GROUP; i++) {
            pending |= (uint32_t)(top - a[i]) << count;
            count += width;
#pragma GCC unroll 3
            while (count >= 8) {
                *bytes++ = (uint8_t)pending;
                pending >>= 8;
                count -= 8;
            }
        }
        a += GROUP;
    }
}

size_t mldsa_secret_size(const struct mldsa_parameters *p)
{
    return p->eta == 2 ? 96 : 128;
}

size_t mldsa_response_size(const struct mldsa_parameters *p)
{
    return p->gamma1 == 1 << 17 ? 576 : 640;
}

size_t mldsa_high_size(const struct mldsa_parameters *p)
{
    return p->gamma2 == (MLDSA_Q - 1) / 88 ? 192 : 128;
}

void mldsa_pack_t1(uint8_t bytes[MLDSA_T1_SIZE], const int32_t a[MLDSA_N])
{
    for (size_t group = 0; group < MLDSA_N / 4; group++) {
        bytes[0] = (uint8_t)a[0];
        bytes[1] = (uint8_t)(a[0] >> 8 | a[1] << 2);
        bytes[2] = (uint8_t)(a[1] >> 6 | a[2] << 4);
        bytes[3] = (uint8_t)(a[2] >> 4 | a[3] << 6);
        bytes[4] = (uint8_t)(a[3] >> 2);
        a += 4;
        bytes += 5;
    }
}

void mldsa_unpack_t1(int32_t a[MLDSA_N], const uint8_t bytes[MLDSA_T1_SIZE])
{
    for (size_t i = 0; i < MLDSA_N; i += 4) {
#pragma GCC unroll 4
        for (unsigned j = 0; j < 4; j++) {
            a[i + j] = (int32_t)((((uint32_t)bytes[j] | (uint32_t)bytes[j + 1] << 8) >> (2 * j)) & 0x3ffu) << MLDSA_D;
        }
        bytes += 5;
    }
}

void mldsa_pack_t0(uint8_t bytes[MLDSA_T0_SIZE], const int32_t a[MLDSA_N])
{
    pack(bytes, a, 13, 1 << (MLDSA_D - 1));
}

void mldsa_unpack_t0(int32_t a[MLDSA_N], const uint8_t bytes[MLDSA_T0_SIZE])
{
    unpack(a, bytes, 13, 1 << (MLDSA_D - 1));
}

void mldsa_pack_secret(const struct mldsa_parameters *p, uint8_t *bytes, const int32_t a[MLDSA_N])
{
    if (p->eta == 2) {
        pack(bytes, a, 3, 2);
    } else {
        pack(bytes, a, 4, 4);
    }
}

void mldsa_unpack_secret(const struct mldsa_parameters *p, int32_t a[MLDSA_N], const uint8_t *bytes)
{
    if (p->eta == 2) {
        unpack(a, bytes, 3, 2);
    } else {
        unpack(a, bytes, 4, 4);
    }
}

// Numbers above 2 eta are those of three bits above 4, or of four bits above 8: the top bit and another one are set.
bool mldsa_secret_valid(const struct mldsa_parameters *p, const uint8_t *bytes, size_t n)
{
    uint32_t wrong = 0;

    if (p->eta == 2) {
        for (size_t i = 0; i < n; i += 3) {
            uint32_t numbers = mldsa_load24(bytes + i);

            wrong |= (numbers >> 2) & (numbers >> 1 | numbers) & 011111111u;
        }
    } else {
        for (size_t i = 0; i < n; i += 4) {
            uint32_t numbers = load32_le(bytes + i);

            wrong |= (numbers >> 3) & (numbers >> 2 | numbers >> 1 | numbers) & 0x11111111u;
        }
    }
    return wrong == 0;
}

void mldsa_pack_response(const struct mldsa_parameters *p, uint8_t *bytes, const int32_t a[MLDSA_N])
{
    if (p->gamma1 == 1 << 17) {
        pack(bytes, a, 18, 1 << 17);
    } else {
        pack(bytes, a, 20, 1 << 19);
    }
}

void mldsa_unpack_response(const struct mldsa_parameters *p, int32_t a[MLDSA_N], const uint8_t *bytes)
{
    if (p->gamma1 == 1 << 17) {
        unpack(a, bytes, 18, 1 << 17);
    } else {
        unpack(a, bytes, 20, 1 << 19);
    }
}

void mldsa_pack_high(const struct mldsa_parameters *p, uint8_t *bytes, const int32_t split[MLDSA_N])
{
    if (p->gamma2 == (MLDSA_Q - 1) / 88) {
        for (size_t i = 0; i < MLDSA_N; i += 4) {
            uint32_t numbers = (uint32_t)mldsa_split_high(split[i]) | (uint32_t)mldsa_split_high(split[i + 1]) << 6 |
                               (uint32_t)mldsa_split_high(split[i + 2]) << 12 |
                               (uint32_t)mldsa_split_high(split[i + 3]) << 18;

            *bytes++ = (uint8_t)numbers;
            *bytes++ = (uint8_t)(numbers >> 8);
            *bytes++ = (uint8_t)(numbers >> 16);
        }
    } else {
        for (size_t i = 0; i < MLDSA_N; i += 2) {
            *bytes++ = (uint8_t)(mldsa_split_high(split[i]) | mldsa_split_high(split[i + 1]) << 4);
        }
    }
}

void mldsa_pack_hints(const struct mldsa_parameters *p, uint8_t *bytes, const int32_t (*hints)[MLDSA_N])
{
    size_t count = 0;

    for (size_t i = 0; i < p->omega; i++) {
        bytes[i] = 0;
    }
    for (size_t i = 0; i < p->k; i++) {
        for (size_t j = 0; j < MLDSA_N; j++) {
            if (hints[i][j] != 0 && count < p->omega) {
                bytes[count++] = (uint8_t)j;
            }
        }
        bytes[p->omega + i] = (uint8_t)count;
    }
}

bool mldsa_hints_valid(const struct mldsa_parameters *p, const uint8_t *bytes)
{
    size_t first = 0;

    for (size_t i = 0; i < p->k; i++) {
        const size_t last = bytes[p->omega + i];

        if (last < first || last > p->omega) {
            return false;
        }
        for (size_t j = first + 1; j < last; j++) {
            if (bytes[j] <= bytes[j - 1]) {
                return false;
            }
        }
        first = last;
    }
    for (size_t j = first; j < p->omega; j++) {
        if (bytes[j] != 0) {
            return false;
        }
    }
    return true;
}
