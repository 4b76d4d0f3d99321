/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Check 6 of a request: the key (KEY-1 to KEY-3). The key storage is judged anew at every request; only what outlives
 * a request is remembered here, and no key material does.
 */
#ifndef KEY_STORE_H
#define KEY_STORE_H

#include "service/nonce_tracker.h"
#include "status.h"

#include <stdint.h>

/* What is remembered of an AES key between requests. A key id of 0 marks a free place. */
struct key_state {
    uint32_t key_id;
    uint32_t generation;
    uint16_t algorithm;
    uint16_t parameter_set;
    uint64_t encryptions; /* successful ones since the last rotation (AES-2) */
    struct nonce_tracker tracker;
};

/* An intact key, valid until key_store_close(). */
struct key {
    const uint8_t *material;
    struct key_state *state;
};

/*
 * Looks up the key `key_id` for an operation of `algorithm`, after everything that has changed in the storage has been
 * taken in. STATUS_SUCCESS, or STATUS_KEY_NOT_FOUND; key_store_close() follows either.
 */
__attribute__((warn_unused_result)) enum status key_store_open(uint32_t key_id, uint16_t algorithm, struct key *key);

/* Wipes the private copy of the key's slot. */
void key_store_close(void);

#endif
