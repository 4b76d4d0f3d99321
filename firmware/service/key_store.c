/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The numbered steps are those of docs/protocol.md, "Key storage". */
#include "service/key_store.h"

#include "crypto/constant_time.h"
#include "crypto/sha3.h"
#include "crypto/wipe.h"
#include "platform/key_storage.h"

#include <stdbool.h>
#include <stddef.h>

struct storage_header {
    uint32_t magic;
    uint16_t version;
    uint16_t slot_count;
    uint32_t reserved[2];
};

/* The key id of each slot, read once: what steps 1 to 3 are decided on. */
struct directory {
    uint32_t slot_count;
    uint32_t key_ids[KEY_STORAGE_SLOTS];
};

/* A pair of algorithm and parameter set, and the lengths that its material may have. */
struct key_kind {
    uint16_t algorithm;
    uint16_t parameter_set;
    uint32_t material_lengths[2];
};

static const struct key_kind key_kinds[] = {
    {KEY_ALGORITHM_AES, 256, {AES_KEY_SIZE, AES_KEY_SIZE}},
    {KEY_ALGORITHM_MLDSA, 44, {MLDSA_KEY_SEED_SIZE, MLDSA_44_PUBLIC_KEY_SIZE}},
    {KEY_ALGORITHM_MLDSA, 65, {MLDSA_KEY_SEED_SIZE, MLDSA_65_PUBLIC_KEY_SIZE}},
    {KEY_ALGORITHM_MLDSA, 87, {MLDSA_KEY_SEED_SIZE, MLDSA_87_PUBLIC_KEY_SIZE}},
    {KEY_ALGORITHM_MLKEM, 512, {0, 0}},
    {KEY_ALGORITHM_MLKEM, 768, {0, 0}},
    {KEY_ALGORITHM_MLKEM, 1024, {0, 0}},
};

_Static_assert(sizeof(struct storage_header) == KEY_STORAGE_HEADER_SIZE, "as the format has it");

/* The copy in use, and how many bytes of it have been written since it was wiped. */
static struct slot open_slot;
static uint32_t open_slot_used;

static uint32_t slot_offset(uint32_t index)
{
    return KEY_STORAGE_HEADER_SIZE + index * KEY_SLOT_STRIDE;
}

/* The index of the slot with the key id among the first `count`, or `count`. */
static uint32_t find_slot(const struct directory *directory, uint32_t count, uint32_t key_id)
{
    uint32_t index = 0;

    while (index < count && directory->key_ids[index] != key_id)
        index++;
    return index;
}

/* Step 1. False: the image does not parse (KEY-2). */
static bool read_directory(struct directory *directory)
{
    struct storage_header header;
    struct {
        uint32_t key_id;
        uint16_t algorithm;
    } slot;
    uint32_t aes_keys = 0;

    key_storage_fetch(&header, 0, sizeof header);
    if (header.magic != KEY_STORAGE_MAGIC || header.version != KEY_STORAGE_VERSION ||
        header.slot_count > KEY_STORAGE_SLOTS || (header.reserved[0] | header.reserved[1]) != 0)
        return false;
    directory->slot_count = header.slot_count;
    for (uint32_t i = 0; i < directory->slot_count; i++) {
        key_storage_fetch(&slot, slot_offset(i), sizeof(uint32_t) + sizeof(uint16_t));
        directory->key_ids[i] = slot.key_id;
        if (slot.key_id == 0)
            continue;
        if (find_slot(directory, i, slot.key_id) < i)
            return false;
        if (slot.algorithm == KEY_ALGORITHM_AES)
            aes_keys++;
    }
    return aes_keys <= KEY_AES_MAX;
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

/* Step 6, first half: the slot is a key for an operation of `algorithm`. */
static bool slot_serves(const struct slot_header *header, uint16_t algorithm)
{
    for (size_t i = 0; i < sizeof key_kinds / sizeof key_kinds[0]; i++) {
        const struct key_kind *const kind = &key_kinds[i];
        if (kind->algorithm == header->algorithm && kind->parameter_set == header->parameter_set)
            return header->algorithm == algorithm && (header->material_length == kind->material_lengths[0] ||
                                                      header->material_length == kind->material_lengths[1]);
    }
    return false;
}

enum status key_store_open(uint32_t key_id, uint16_t algorithm, struct key *key)
{
    struct directory directory;
    const struct slot_header *const header = &open_slot.header;

    if (!read_directory(&directory))
        return STATUS_KEY_NOT_FOUND;
    key_cache_retain(directory.key_ids, directory.slot_count);
    const uint32_t index = find_slot(&directory, directory.slot_count, key_id);
    if (key_id == 0 || index == directory.slot_count)
        return STATUS_KEY_NOT_FOUND;
    if (!copy_intact_slot(index, key_id))
        return STATUS_KEY_NOT_FOUND;
    const uint8_t *const digest = open_slot.material_and_digest + header->material_length;
    struct key_state *state = key_cache_find(header, digest);
    if (!slot_serves(header, algorithm))
        return STATUS_KEY_NOT_FOUND;
    if (state == NULL)
        state = key_cache_take(header);
    if (state == NULL)
        return STATUS_KEY_NOT_FOUND;
    *key = (struct key){
        .material = open_slot.material_and_digest,
        .material_length = header->material_length,
        .digest = digest,
        .state = state,
    };
    return STATUS_SUCCESS;
}

void key_store_close(void)
{
    wipe(&open_slot, open_slot_used);
    open_slot_used = 0;
}
