/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Check 6 of a request: the key (KEY-1 to KEY-3). The key storage is judged anew at every request. */
#ifndef KEY_STORE_H
#define KEY_STORE_H

#include "service/key_cache.h"
#include "status.h"

#include <stdint.h>

/* An intact key, valid until key_store_close(). Its material has a length that goes with its parameter set. */
struct key {
    const uint8_t *material;
    uint32_t material_length;
    const uint8_t *digest; /* of the slot */
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
