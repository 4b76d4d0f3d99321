// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_KECCAK_H
#define CRYPTO_KECCAK_H

#include <stddef.h>
#include <stdint.h>

// The permutation Keccak-f[1600] of FIPS 202, and access to its state by bytes. In constant time.

enum {
    KECCAK_LANES = 25,
    KECCAK_STATE_SIZE = 200,
};

// Lane x + 5 * y of FIPS 202's state array is two words: [0] has its even bits, [1] its odd bits, each in ascending
// order, so that a rotation of the lane is one rotation of either word. All zero bytes are the all-zero state.
struct keccak_state {
    uint32_t lane[KECCAK_LANES][2];
};

// Keccak-f[1600]. There is an assembly version for ARMv7-M and later; defining KECCAK_PORTABLE keeps to the one in C.
void keccak_f1600(struct keccak_state *state);

// Adds n bytes (exclusive or) to the state from byte `offset` on; offset + n is at most KECCAK_STATE_SIZE.
void keccak_add_bytes(struct keccak_state *state, size_t offset, const uint8_t *data, size_t n);

// Copies n bytes from byte `offset` of the state on; offset + n is at most KECCAK_STATE_SIZE.
void keccak_extract_bytes(const struct keccak_state *state, size_t offset, uint8_t *out, size_t n);

#endif
