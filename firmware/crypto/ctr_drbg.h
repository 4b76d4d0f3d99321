// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_CTR_DRBG_H
#define CRYPTO_CTR_DRBG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// CTR_DRBG with AES-256 and without a derivation function (NIST SP 800-90A Rev. 1, section 10.2.1): no personalisation
// string, no additional input, no prediction resistance. ctr_len is the block length, 128 bits.

enum {
    CTR_DRBG_SEED_SIZE = 48,       // seedlen of table 3
    CTR_DRBG_REQUEST_MAX = 1 << 16 // bytes, max_number_of_bits_per_request of table 3
};

// Names of the standard: Key, V and reseed_counter. Secret as a whole.
struct ctr_drbg {
    uint8_t key[32];
    uint8_t v[16];
    uint64_t reseed_counter;
};

// Instantiates from full-entropy input (section 10.2.1.3.1). The caller wipes its copy of the entropy.
void ctr_drbg_init(struct ctr_drbg *drbg, const uint8_t entropy[CTR_DRBG_SEED_SIZE]);

// Draws n bytes (section 10.2.1.5.1). False, and nothing written or changed, where n is above the limit of a request or
// 2^48 requests have been answered since ctr_drbg_init.
__attribute__((warn_unused_result)) bool ctr_drbg_generate(struct ctr_drbg *drbg, uint8_t *out, size_t n);

#endif
