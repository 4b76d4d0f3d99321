/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What outlives a request of the keys in the storage: counters of AES keys, expanded ML-DSA keys, generated ML-KEM
 * keys. The numbered steps are those of docs/protocol.md, "Key storage".
 */
#ifndef KEY_CACHE_H
#define KEY_CACHE_H

#include "crypto/mldsa.h"
#include "crypto/mlkem.h"
#include "protocol.h"
#include "service/key_slot.h"
#include "service/nonce_tracker.h"

#include <stdint.h>

/* The encoded key pair that a seed stands for (FIPS 204, algorithms 22 and 24). */
struct mldsa_pair {
    uint8_t secret_key[MLDSA_SECRET_KEY_MAX];
    uint8_t public_key[MLDSA_PUBLIC_KEY_MAX];
};

union cached_key {
    struct mldsa_pair mldsa;
    uint8_t mlkem_decapsulation_key[MLKEM_DK_MAX];
};

/* What a key's place in the cache holds: an expansion of its material, or a key that was generated for it. */
enum cached_content { CACHED_NOTHING = 0, CACHED_EXPANSION, CACHED_GENERATED };

/* What is remembered of a key between requests. A key id of 0 marks a free place. */
struct key_state {
    uint32_t key_id;
    uint32_t generation;
    uint16_t algorithm;
    uint16_t parameter_set;
    /* AES. */
    uint64_t encryptions; /* successful ones since the last rotation (AES-2) */
    struct nonce_tracker tracker;
    /* ML-DSA and ML-KEM. */
    enum cached_content content;
    union cached_key *cached;
    uint8_t source[KEY_DIGEST_SIZE]; /* of an expansion: the digest of the slot that it was made from */
};

/* Step 2: wipes and forgets the keys whose id is none of the `count` key ids. */
void key_cache_retain(const uint32_t *key_ids, uint32_t count);

/*
 * Step 5: what is remembered of an intact slot's key, or NULL. What an earlier generation has left is wiped and
 * forgotten, an expansion of other material is wiped.
 */
struct key_state *key_cache_find(const struct slot_header *header, const uint8_t digest[KEY_DIGEST_SIZE]);

/* Step 6, second half: a place for a key that is not remembered yet, or NULL. */
struct key_state *key_cache_take(const struct slot_header *header);

#endif
