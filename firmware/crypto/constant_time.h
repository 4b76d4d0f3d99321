// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_CONSTANT_TIME_H
#define CRYPTO_CONSTANT_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "little_endian.h"

// Building blocks for code whose branches and addresses must not depend on secrets. A mask is 0 (false) or all ones
// (true), so that it can be combined with &, | and ^ where an `if` would leak.

// Hides a value from the optimiser, which could otherwise prove that a mask has two values only and branch on it.
static inline uint32_t ct_barrier(uint32_t value)
{
#if defined(__GNUC__)
    __asm__("" : "+r"(value));
#endif
    return value;
}

// All ones if value != 0: only then does value or its negative have the top bit set.
static inline uint32_t ct_mask_nonzero(uint32_t value)
{
    value = ct_barrier(value);
    return 0u - ((value | (0u - value)) >> 31);
}

static inline uint32_t ct_mask_zero(uint32_t value)
{
    return ~ct_mask_nonzero(value);
}

static inline uint32_t ct_mask_equal(uint32_t a, uint32_t b)
{
    return ct_mask_zero(a ^ b);
}

// All ones if a < b: the borrow of the 64-bit difference.
static inline uint32_t ct_mask_less(uint32_t a, uint32_t b)
{
    return (uint32_t)(((uint64_t)ct_barrier(a) - (uint64_t)ct_barrier(b)) >> 32);
}

// `when_set` where the mask has ones, `when_clear` where it has zeros.
static inline uint32_t ct_select(uint32_t mask, uint32_t when_set, uint32_t when_clear)
{
    return when_clear ^ (ct_barrier(mask) & (when_set ^ when_clear));
}

// Overwrites n bytes of destination with source where the mask is all ones; leaves them where it is 0. Reads and writes
// all n bytes in both cases.
static inline void ct_copy_if(uint32_t mask, void *destination, const void *source, size_t n)
{
    uint8_t *to = destination;
    const uint8_t *from = source;

    for (size_t i = 0; i < n; i++) {
        to[i] = (uint8_t)ct_select(mask, from[i], to[i]);
    }
}

// Whether the n bytes at a and b are the same, at any alignment. Looks at all of them, whatever they hold.
__attribute__((warn_unused_result)) static inline bool ct_equal(const void *a, const void *b, size_t n)
{
    const uint8_t *left = a;
    const uint8_t *right = b;
    uint32_t difference = 0;

    for (; n >= 4; n -= 4, left += 4, right += 4) {
        difference = ct_barrier(difference | (load32_le(left) ^ load32_le(right)));
    }
    for (size_t i = 0; i < n; i++) {
        difference = ct_barrier(difference | (uint32_t)(left[i] ^ right[i]));
    }
    return (ct_mask_zero(difference) & 1u) != 0;
}

#endif
