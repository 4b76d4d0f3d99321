/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/key_cache.h"

#include "crypto/constant_time.h"
#include "crypto/wipe.h"
#include "platform/sections.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * An AES key needs a place with a nonce filter, a key of another algorithm one with room for a key pair. Of the latter
 * there are enough for an image without any AES key.
 */
#define PLACES (KEY_AES_MAX + KEY_STORAGE_SLOTS)

static struct key_state key_states[PLACES];
IN_BULK static union cached_key cached_keys[KEY_STORAGE_SLOTS];

/* The place from `first` to before `end` that the key id has, or NULL. */
static struct key_state *find_place(uint32_t key_id, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        if (key_states[i].key_id == key_id)
            return &key_states[i];
    }
    return NULL;
}

static void drop_cached(struct key_state *state)
{
    if (state->content == CACHED_NOTHING)
        return;
    wipe(state->cached, sizeof *state->cached);
    wipe(state->source, sizeof state->source);
    state->content = CACHED_NOTHING;
}

/* Frees a place. Its nonce filter is cleared when the next key takes it, so that one request clears one at most. */
static void forget(struct key_state *state)
{
    drop_cached(state);
    state->key_id = 0;
    state->generation = 0;
    state->algorithm = 0;
    state->parameter_set = 0;
    state->encryptions = 0;
}

static bool contains(const uint32_t *key_ids, uint32_t count, uint32_t key_id)
{
    uint32_t i = 0;

    while (i < count && key_ids[i] != key_id)
        i++;
    return i < count;
}

void key_cache_retain(const uint32_t *key_ids, uint32_t count)
{
    for (uint32_t i = 0; i < PLACES; i++) {
        if (key_states[i].key_id != 0 && !contains(key_ids, count, key_states[i].key_id))
            forget(&key_states[i]);
    }
}

struct key_state *key_cache_find(const struct slot_header *header, const uint8_t digest[KEY_DIGEST_SIZE])
{
    struct key_state *const state = find_place(header->key_id, 0, PLACES);

    if (state == NULL)
        return NULL;
    if (state->generation != header->generation || state->algorithm != header->algorithm ||
        state->parameter_set != header->parameter_set) {
        forget(state);
        return NULL;
    }
    if (state->content == CACHED_EXPANSION && !ct_equal(state->source, digest, KEY_DIGEST_SIZE))
        drop_cached(state);
    return state;
}

struct key_state *key_cache_take(const struct slot_header *header)
{
    const bool aes = header->algorithm == KEY_ALGORITHM_AES;
    struct key_state *const state = aes ? find_place(0, 0, KEY_AES_MAX) : find_place(0, KEY_AES_MAX, PLACES);

    if (state == NULL)
        return NULL;
    state->key_id = header->key_id;
    state->generation = header->generation;
    state->algorithm = header->algorithm;
    state->parameter_set = header->parameter_set;
    state->encryptions = 0;
    const uint32_t place = (uint32_t)(state - key_states);
    if (aes) {
        state->tracker.index = place;
        nonce_tracker_reset(&state->tracker);
    } else {
        state->cached = &cached_keys[place - KEY_AES_MAX];
    }
    return state;
}
