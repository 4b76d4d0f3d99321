/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A slot of the key storage as its format has it (docs/protocol.md, "Key storage"). */
#ifndef KEY_SLOT_H
#define KEY_SLOT_H

#include "protocol.h"

#include <stddef.h>
#include <stdint.h>

struct slot_header {
    uint32_t key_id;
    uint16_t algorithm;
    uint16_t parameter_set;
    uint32_t generation;
    uint32_t material_length;
};

/* The digest follows the material wherever that ends. */
struct slot {
    struct slot_header header;
    uint8_t material_and_digest[KEY_SLOT_MATERIAL_MAX + KEY_DIGEST_SIZE];
};

_Static_assert(sizeof(struct slot_header) == KEY_SLOT_HEADER_SIZE, "as the format has it");
_Static_assert(offsetof(struct slot, material_and_digest) == KEY_SLOT_HEADER_SIZE, "the digest runs over both");

#endif
