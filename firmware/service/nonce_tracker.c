/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/nonce_tracker.h"

#include "crypto/siphash.h"
#include "memory.h"
#include "platform/sections.h"

#define FILTER_SIZE (NONCE_FILTER_BITS / 8u)
#define INDEX_MASK (NONCE_FILTER_BITS - 1u)

_Static_assert((NONCE_FILTER_BITS & INDEX_MASK) == 0, "an index is the low bits of a sum");
_Static_assert(NONCE_FILTER_BITS <= 1u << 31, "the low words of the hash's halves suffice for an index");

IN_FILTERS static uint8_t filters[KEY_AES_MAX][FILTER_SIZE];
static uint8_t nonce_hash_key[NONCE_HASH_KEY_SIZE];

void nonce_tracker_init(const uint8_t hash_key[NONCE_HASH_KEY_SIZE])
{
    memcpy(nonce_hash_key, hash_key, sizeof nonce_hash_key);
}

void nonce_tracker_reset(struct nonce_tracker *tracker)
{
    if (tracker->recorded == 0)
        return;
    memset(filters[tracker->index], 0, FILTER_SIZE);
    tracker->recorded = 0;
}

static uint32_t low_word(const uint8_t bytes[4])
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

struct nonce_place nonce_tracker_locate(const uint8_t nonce[GCM_NONCE_SIZE])
{
    uint8_t hash[16];

    siphash24_128(hash, nonce_hash_key, nonce, GCM_NONCE_SIZE);
    return (struct nonce_place){.first = low_word(hash), .step = low_word(hash + 8)};
}

bool nonce_tracker_refuses(const struct nonce_tracker *tracker, struct nonce_place place)
{
    const uint8_t *const filter = filters[tracker->index];
    uint32_t index = place.first;

    if (tracker->recorded >= NONCE_WINDOW)
        return true;
    for (unsigned i = 0; i < NONCE_FILTER_HASHES; i++, index += place.step) {
        const uint32_t bit = index & INDEX_MASK;
        if ((filter[bit / 8u] >> bit % 8u & 1u) == 0)
            return false;
    }
    return true;
}

void nonce_tracker_record(struct nonce_tracker *tracker, struct nonce_place place)
{
    uint8_t *const filter = filters[tracker->index];
    uint32_t index = place.first;

    for (unsigned i = 0; i < NONCE_FILTER_HASHES; i++, index += place.step) {
        const uint32_t bit = index & INDEX_MASK;
        filter[bit / 8u] |= (uint8_t)(1u << bit % 8u);
    }
    tracker->recorded++;
}
