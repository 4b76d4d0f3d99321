/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The numbered steps are those of docs/protocol.md, "Key storage". */
#include "service/key_store.h"

#include "crypto/constant_time.h"
#include "crypto/sha3.h"
#include "crypto/wipe.h"
#include "platform/key_storage.h"

#include <stdbool.h>
#include <stddef.h>

#define AES_PARAMETER_SET 256u

struct storage_header {
    uint32_t magic;
    uint16_t version;
    uint16_t slot_count;
    uint32_t reserved[2];
};

struct slot_header {
    uint32_t key_id;
    uint16_t algorithm;
    uint16_t parameter_set;
    uint32_t generation;
    uint32_t material_length;
};

/* The private copy of one slot; the digest follows the material wherever that ends. */
struct slot {
    struct slot_header header;
    uint8_t material_and_digest[KEY_SLOT_MATERIAL_MAX + KEY_DIGEST_SIZE];
};

/* Key id and algorithm of each slot, read once: what steps 1 to 3 are decided on. */
struct directory {
    uint32_t slot_count;
    struct {
        uint32_t key_id;
        uint16_t algorithm;
    } slots[KEY_STORAGE_SLOTS];
};

_Static_assert(sizeof(struct storage_header) == KEY_STORAGE_HEADER_SIZE, "as the format has it");
_Static_assert(sizeof(struct slot_header) == KEY_SLOT_HEADER_SIZE, "as the format has it");
_Static_assert(offsetof(struct slot, material_and_digest) == KEY_SLOT_HEADER_SIZE, "the digest runs over both");

static struct key_state key_states[KEY_AES_MAX];

/* The copy in use, and how many bytes of it have been written since it was wiped. */
static struct slot open_slot;
static uint32_t open_slot_used;

static uint32_t slot_offset(uint32_t index)
{
    return KEY_STORAGE_HEADER_SIZE + index * KEY_SLOT_STRIDE;
}

/* True: slot `index` is empty, or no slot before it has its key id. */
static bool first_of_its_id(const struct directory *directory, uint32_t index)
{
    const uint32_t key_id = directory->slots[index].key_id;

    for (uint32_t i = 0; i < index && key_id != 0; i++) {
        if (directory->slots[i].key_id == key_id)
            return false;
    }
    return true;
}

/* Step 1. False: the image does not parse (KEY-2). */
static bool read_directory(struct directory *directory)
{
    struct storage_header header;
    uint32_t aes_keys = 0;

    key_storage_fetch(&header, 0, sizeof header);
    if (header.magic != KEY_STORAGE_MAGIC || header.version != KEY_STORAGE_VERSION ||
        header.slot_count > KEY_STORAGE_SLOTS || (header.reserved[0] | header.reserved[1]) != 0)
        return false;
    directory->slot_count = header.slot_count;
    for (uint32_t i = 0; i < directory->slot_count; i++) {
        key_storage_fetch(&directory->slots[i], slot_offset(i), sizeof(uint32_t) + sizeof(uint16_t));
        if (directory->slots[i].key_id != 0 && directory->slots[i].algorithm == KEY_ALGORITHM_AES)
            aes_keys++;
        if (!first_of_its_id(directory, i))
            return false;
    }
    return aes_keys <= KEY_AES_MAX;
}

/* The index of the slot with the key id, or slot_count. */
static uint32_t find_slot(const struct directory *directory, uint32_t key_id)
{
    uint32_t index = 0;

    while (index < directory->slot_count && directory->slots[index].key_id != key_id)
        index++;
    return index;
}

static struct key_state *find_state(uint32_t key_id)
{
    for (uint32_t i = 0; i < KEY_AES_MAX; i++) {
        if (key_states[i].key_id == key_id)
            return &key_states[i];
    }
    return NULL;
}

/* Frees a place. Its nonce filter is cleared when the next key takes it, so that one request clears one at most. */
static void forget(struct key_state *state)
{
    state->key_id = 0;
    state->generation = 0;
    state->algorithm = 0;
    state->parameter_set = 0;
    state->encryptions = 0;
}

/* Step 2. */
static void forget_absent_keys(const struct directory *directory)
{
    for (uint32_t i = 0; i < KEY_AES_MAX; i++) {
        if (key_states[i].key_id != 0 && find_slot(directory, key_states[i].key_id) == directory->slot_count)
            forget(&key_states[i]);
    }
}

/* Step 4. Copies the slot, each byte read once; false when it is not intact. */
static bool copy_intact_slot(uint32_t index, uint32_t key_id)
{
    uint8_t digest[KEY_DIGEST_SIZE];
    struct slot_header *const header = &open_slot.header;

    key_storage_fetch(header, slot_offset(index), sizeof *header);
    open_slot_used = sizeof *header;
    /* The key manager may have changed the slot since the directory was read. */
    if (header->key_id != key_id || header->material_length > KEY_SLOT_MATERIAL_MAX)
        return false;
    const uint32_t length = header->material_length;
    key_storage_fetch(open_slot.material_and_digest, slot_offset(index) + (uint32_t)sizeof *header,
                      length + KEY_DIGEST_SIZE);
    open_slot_used += length + KEY_DIGEST_SIZE;
    sha3_256(digest, (const uint8_t *)&open_slot, sizeof *header + length);
    return ct_equal(digest, open_slot.material_and_digest + length, KEY_DIGEST_SIZE);
}

/* Step 5. Returns what is remembered of the slot's key, or NULL: nothing, or only of an earlier generation. */
static struct key_state *find_unrotated(const struct slot_header *header)
{
    struct key_state *const state = find_state(header->key_id);

    if (state == NULL || (state->generation == header->generation && state->algorithm == header->algorithm &&
                          state->parameter_set == header->parameter_set))
        return state;
    forget(state);
    return NULL;
}

/* Step 6, first half: the slot is a key for an operation of `algorithm`. */
static bool slot_serves(const struct slot_header *header, uint16_t algorithm)
{
    return header->algorithm == algorithm && algorithm == KEY_ALGORITHM_AES &&
           header->parameter_set == AES_PARAMETER_SET && header->material_length == AES_KEY_SIZE;
}

/* Step 6, second half: a place for a key that is not remembered yet, or NULL. */
static struct key_state *take_place(const struct slot_header *header)
{
    struct key_state *const state = find_state(0);

    if (state == NULL)
        return NULL;
    state->key_id = header->key_id;
    state->generation = header->generation;
    state->algorithm = header->algorithm;
    state->parameter_set = header->parameter_set;
    state->encryptions = 0;
    state->tracker.index = (uint32_t)(state - key_states);
    nonce_tracker_reset(&state->tracker);
    return state;
}

enum status key_store_open(uint32_t key_id, uint16_t algorithm, struct key *key)
{
    struct directory directory;
    const struct slot_header *const header = &open_slot.header;

    if (!read_directory(&directory))
        return STATUS_KEY_NOT_FOUND;
    forget_absent_keys(&directory);
    const uint32_t index = find_slot(&directory, key_id);
    if (key_id == 0 || index == directory.slot_count)
        return STATUS_KEY_NOT_FOUND;
    if (!copy_intact_slot(index, key_id))
        return STATUS_KEY_NOT_FOUND;
    struct key_state *state = find_unrotated(header);
    if (!slot_serves(header, algorithm))
        return STATUS_KEY_NOT_FOUND;
    if (state == NULL)
        state = take_place(header);
    if (state == NULL)
        return STATUS_KEY_NOT_FOUND;
    key->material = open_slot.material_and_digest;
    key->state = state;
    return STATUS_SUCCESS;
}

void key_store_close(void)
{
    wipe(&open_slot, open_slot_used);
    open_slot_used = 0;
}
