/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "client/client_seal.h"

#include "client/client_operations.h"

void client_seal_begin(struct client_seal *seal, struct client *client, uint32_t key_id,
                       uint8_t header[SEALED_HEADER_SIZE])
{
    *seal = (struct client_seal){.client = client, .key_id = key_id, .stage = CLIENT_SEAL_CHUNKS};
    sealed_header_store(header, key_id);
}

/* Encrypts into a record; an end record has no plaintext. */
__attribute__((warn_unused_result)) static enum client_result seal_record(struct client_seal *seal,
                                                                          const struct sealed_aad *aad,
                                                                          struct client_bytes plaintext,
                                                                          struct client_buffer *record)
{
    record->length = 0;
    if (record->size < SEALED_HEAD_SIZE + plaintext.length)
        return CLIENT_NO_ROOM;
    struct client_encrypted encrypted = {
        .text = {.data = record->data + SEALED_HEAD_SIZE, .size = plaintext.length},
    };
    const struct client_bytes aad_bytes = {aad->text, aad->length};
    const enum client_result result = client_aes_encrypt(seal->client, seal->key_id, aad_bytes, plaintext, &encrypted);
    if (result != CLIENT_OK)
        return result;
    sealed_head_store(record->data, (uint32_t)plaintext.length, encrypted.nonce, encrypted.tag);
    record->length = SEALED_HEAD_SIZE + plaintext.length;
    return CLIENT_OK;
}

enum client_result client_seal_chunk(struct client_seal *seal, struct client_bytes plaintext,
                                     struct client_buffer *record)
{
    const struct sealed_aad aad = sealed_chunk_aad(seal->chunks);

    record->length = 0;
    if (seal->stage != CLIENT_SEAL_CHUNKS || plaintext.length == 0 || plaintext.length > SEALED_CHUNK_SIZE ||
        seal->chunks == SEALED_CHUNKS_MAX)
        return CLIENT_BAD_ARGUMENT;
    const enum client_result result = seal_record(seal, &aad, plaintext, record);
    if (result != CLIENT_OK)
        return result;
    seal->chunks++;
    if (plaintext.length < SEALED_CHUNK_SIZE)
        seal->stage = CLIENT_SEAL_LAST;
    return CLIENT_OK;
}

enum client_result client_seal_end(struct client_seal *seal, struct client_buffer *record)
{
    const struct sealed_aad aad = sealed_end_aad(seal->chunks);
    const struct client_bytes nothing = {NULL, 0};

    record->length = 0;
    if (seal->stage == CLIENT_SEAL_ENDED)
        return CLIENT_BAD_ARGUMENT;
    const enum client_result result = seal_record(seal, &aad, nothing, record);
    if (result == CLIENT_OK)
        seal->stage = CLIENT_SEAL_ENDED;
    return result;
}
