// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_LITTLE_ENDIAN_H
#define CRYPTO_LITTLE_ENDIAN_H

#include <stdint.h>

// Little-endian words at any address. A compiler makes one load or store of it where the machine allows that.

static inline uint32_t load32_le(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void store32_le(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
    p[3] = (uint8_t)(value >> 24);
}

#endif
