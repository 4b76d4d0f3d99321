/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Nonces that were used for decryption, one Bloom filter per AES key (NON-1 to NON-4). */
#ifndef NONCE_TRACKER_H
#define NONCE_TRACKER_H

#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

/* The nonces recorded under one key; `index` says which filter is the key's. */
struct nonce_tracker {
    uint32_t index;
    uint32_t recorded;
};

/* Where a nonce leaves its marks: the indexes are first + i * step (NON-3). */
struct nonce_place {
    uint32_t first;
    uint32_t step;
};

/* Sets the key of the hash that places nonces, drawn at boot (RNG-2). */
void nonce_tracker_init(const uint8_t hash_key[NONCE_HASH_KEY_SIZE]);

/* Forgets every nonce of the key. Costs a pass over the filter only if something was recorded in it. */
void nonce_tracker_reset(struct nonce_tracker *tracker);

struct nonce_place nonce_tracker_locate(const uint8_t nonce[GCM_NONCE_SIZE]);

/* True: the nonce counts as used, or the key's window of nonces is full. */
bool nonce_tracker_refuses(const struct nonce_tracker *tracker, struct nonce_place place);

void nonce_tracker_record(struct nonce_tracker *tracker, struct nonce_place place);

#endif
