// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_SIPHASH_H
#define CRYPTO_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

// SipHash-2-4 with 128 bits of output (J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF"; the wide
// output is that of its reference implementation). hash is two little-endian halves of 64 bits each.
void siphash24_128(uint8_t hash[16], const uint8_t key[16], const uint8_t *data, size_t n);

#endif
