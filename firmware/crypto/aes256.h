// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_AES256_H
#define CRYPTO_AES256_H

#include <stddef.h>
#include <stdint.h>

// AES-256 (FIPS 197), encryption only, two blocks at a time, in constant time: no tables, no branch and no address
// depends on key or data. aes256.c explains the representation.

enum {
    AES256_ROUNDS = 14, // FIPS 197 table 3: Nr for a key of Nk = 8 words
    AES_BLOCK_SIZE = 16,
};

// The round keys in bit-sliced form. Secret: whoever holds one wipes it.
struct aes256_key {
    uint32_t round[AES256_ROUNDS + 1][8];
};

void aes256_expand(struct aes256_key *schedule, const uint8_t key[32]);

// Two blocks, the natural width of the sliced form; in may be out.
void aes256_encrypt_two(const struct aes256_key *schedule, const uint8_t in[32], uint8_t out[32]);

// One block, for the price of two; in may be out.
void aes256_encrypt_block(const struct aes256_key *schedule, const uint8_t in[16], uint8_t out[16]);

// Counter mode as GCM uses it (GCTR, SP 800-38D algorithm 3): out = in xor the encryptions of nonce || counter,
// nonce || counter + 1, ..., the counter being 32 bits, big-endian, modulo 2^32, and even at the start. n may be any
// length; in may be out.
void aes256_ctr32(const struct aes256_key *schedule, const uint8_t nonce[12], uint32_t counter, const uint8_t *in,
                  uint8_t *out, size_t n);

#endif
