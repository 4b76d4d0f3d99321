/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The bytes of a sealed file (docs/protocol.md, "Sealed files"); CLI-2, CLI-3. */
#ifndef SEALED_FILE_H
#define SEALED_FILE_H

#include "protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEALED_MAGIC 0x534C4948u /* "HILS" */
#define SEALED_VERSION 1u

/* magic u32, version u16, reserved u16, key_id u32 */
#define SEALED_HEADER_SIZE 12u

/* A record is a head and the ciphertext. The head: length u32, nonce, tag. */
#define SEALED_HEAD_SIZE (4u + GCM_NONCE_SIZE + GCM_TAG_SIZE)

/* Plaintext bytes of every chunk but the last, which may be shorter and is never empty. */
#define SEALED_CHUNK_SIZE 61440u

#define SEALED_RECORD_MAX (SEALED_HEAD_SIZE + SEALED_CHUNK_SIZE)

/* So that the end record can say how many there are. */
#define SEALED_CHUNKS_MAX UINT32_MAX

/* "chunk:" or "end:" and a number. */
#define SEALED_AAD_MAX 16u

_Static_assert(SEALED_CHUNK_SIZE <= AES_PLAINTEXT_MAX, "a chunk fits one request");

struct sealed_aad {
    uint8_t text[SEALED_AAD_MAX];
    size_t length;
};

void sealed_header_store(uint8_t header[SEALED_HEADER_SIZE], uint32_t key_id);

/* False: these bytes are no header of this version. */
__attribute__((warn_unused_result)) bool sealed_header_load(const uint8_t header[SEALED_HEADER_SIZE], uint32_t *key_id);

void sealed_head_store(uint8_t head[SEALED_HEAD_SIZE], uint32_t length, const uint8_t nonce[GCM_NONCE_SIZE],
                       const uint8_t tag[GCM_TAG_SIZE]);

/* The additional data of chunk `index`, and of the end record of a file of `chunks` chunks. */
struct sealed_aad sealed_chunk_aad(uint32_t index);
struct sealed_aad sealed_end_aad(uint32_t chunks);

#endif
