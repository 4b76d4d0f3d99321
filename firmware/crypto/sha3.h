// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_SHA3_H
#define CRYPTO_SHA3_H

#include <stddef.h>
#include <stdint.h>

#include "keccak.h"

// SHA3-256, SHA3-512, SHAKE128 and SHAKE256 (FIPS 202, section 6), each incrementally, the hashes in one call as well.
// A context that took in or gave out a secret is wiped by its owner, with wipe().

enum {
    SHA3_256_SIZE = 32,
    SHA3_512_SIZE = 64,
    SHAKE128_RATE = 168, // bytes for each call of the permutation
    SHAKE256_RATE = 136,
};

// The sponge of FIPS 202, section 4. position: bytes of the current block that were absorbed, or squeezed.
struct sponge {
    struct keccak_state state;
    uint32_t rate;
    uint32_t position;
};

// An extendable-output function: init, absorb any number of times, finish, squeeze any number of times.
struct shake {
    struct sponge sponge;
};

void shake128_init(struct shake *shake);
void shake256_init(struct shake *shake);
void shake_absorb(struct shake *shake, const uint8_t *data, size_t n);
void shake_finish(struct shake *shake);
void shake_squeeze(struct shake *shake, uint8_t *out, size_t n);

// A hash function: init, absorb any number of times, final. sha3_final wipes the context.
struct sha3 {
    struct sponge sponge;
};

void sha3_256_init(struct sha3 *sha3);
void sha3_512_init(struct sha3 *sha3);
void sha3_absorb(struct sha3 *sha3, const uint8_t *data, size_t n);
void sha3_final(struct sha3 *sha3, uint8_t *digest);

void sha3_256(uint8_t digest[SHA3_256_SIZE], const uint8_t *data, size_t n);
void sha3_512(uint8_t digest[SHA3_512_SIZE], const uint8_t *data, size_t n);

#endif
