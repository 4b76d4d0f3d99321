// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_GHASH_H
#define CRYPTO_GHASH_H

#include <stddef.h>
#include <stdint.h>

// GHASH (SP 800-38D algorithm 2) in constant time. ghash.c explains the representation.

// Hash subkey and running value. Secret: whoever holds one wipes it.
struct ghash {
    uint32_t lane[3][3][4]; // of the subkey, ready for two levels of Karatsuba: low half, high half and their sum, each
                            // as low word, high word and their sum, each split into four lanes
    uint32_t y[4];          // running value, least significant word first
};

void ghash_init(struct ghash *state, const uint8_t subkey[16]);

// Absorbs n bytes, the last block filled up with zeros: one call for each zero-padded string that is hashed.
void ghash_update(struct ghash *state, const uint8_t *data, size_t n);

void ghash_value(const struct ghash *state, uint8_t value[16]);

#endif
