/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "client/client_open.h"

#include "client/client_operations.h"
#include "crypto/little_endian.h"
#include "memory.h"

void client_open_begin(struct client_open *open, struct client *client)
{
    *open = (struct client_open){
        .client = client,
        .chunk_length = SEALED_CHUNK_SIZE, /* nothing short has come yet */
        .stage = CLIENT_OPEN_HEADER,
    };
}

size_t client_open_wants(const struct client_open *open)
{
    switch (open->stage) {
    case CLIENT_OPEN_HEADER:
        return SEALED_HEADER_SIZE;
    case CLIENT_OPEN_HEAD:
        return SEALED_HEAD_SIZE;
    case CLIENT_OPEN_CHUNK:
        return open->chunk_length;
    case CLIENT_OPEN_ENDED:
    case CLIENT_OPEN_FAILED:
    default:
        return 0;
    }
}

/* Ends the opening with a result other than CLIENT_OK. */
static enum client_result fail(struct client_open *open, enum client_result failure)
{
    open->stage = CLIENT_OPEN_FAILED;
    open->failure = failure;
    return failure;
}

/* Decrypts the record whose head has been read. */
__attribute__((warn_unused_result)) static enum client_result decrypt(const struct client_open *open,
                                                                      const struct sealed_aad *aad,
                                                                      struct client_bytes text,
                                                                      struct client_buffer *plaintext)
{
    const struct client_ciphertext ciphertext = {
        .nonce = open->head + 4,
        .aad = {aad->text, aad->length},
        .text = text,
        .tag = open->head + 4 + GCM_NONCE_SIZE,
    };
    const enum client_result result = client_aes_decrypt(open->client, open->key_id, &ciphertext, plaintext);

    if (result == CLIENT_REFUSED && open->client->status == STATUS_DECRYPTION_FAILED)
        return CLIENT_NOT_AUTHENTIC;
    return result;
}

static enum client_result next_header(struct client_open *open, struct client_bytes piece)
{
    if (!sealed_header_load(piece.data, &open->key_id))
        return CLIENT_BAD_FORMAT;
    open->stage = CLIENT_OPEN_HEAD;
    return CLIENT_OK;
}

static enum client_result next_head(struct client_open *open, struct client_bytes piece)
{
    const uint32_t length = load32_le(piece.data);
    const struct client_bytes nothing = {NULL, 0};
    struct client_buffer no_room = {.size = 0};

    memcpy(open->head, piece.data, sizeof open->head);
    if (length > 0) {
        /* Every chunk but the last is full, so that the same plaintext is never cut in two ways. */
        if (length > SEALED_CHUNK_SIZE || open->chunk_length < SEALED_CHUNK_SIZE || open->chunks == SEALED_CHUNKS_MAX)
            return CLIENT_BAD_FORMAT;
        open->chunk_length = length;
        open->stage = CLIENT_OPEN_CHUNK;
        return CLIENT_OK;
    }
    const struct sealed_aad aad = sealed_end_aad(open->chunks);
    const enum client_result result = decrypt(open, &aad, nothing, &no_room);
    if (result == CLIENT_OK)
        open->stage = CLIENT_OPEN_ENDED;
    return result;
}

static enum client_result next_chunk(struct client_open *open, struct client_bytes piece,
                                     struct client_buffer *plaintext)
{
    const struct sealed_aad aad = sealed_chunk_aad(open->chunks);
    const enum client_result result = decrypt(open, &aad, piece, plaintext);

    if (result == CLIENT_OK) {
        open->chunks++;
        open->stage = CLIENT_OPEN_HEAD;
    }
    return result;
}

static enum client_result next_piece(struct client_open *open, struct client_bytes piece,
                                     struct client_buffer *plaintext)
{
    switch (open->stage) {
    case CLIENT_OPEN_HEADER:
        return next_header(open, piece);
    case CLIENT_OPEN_HEAD:
        return next_head(open, piece);
    case CLIENT_OPEN_CHUNK:
        return next_chunk(open, piece, plaintext);
    case CLIENT_OPEN_ENDED:
        return CLIENT_OK;
    case CLIENT_OPEN_FAILED:
    default:
        return open->failure;
    }
}

enum client_result client_open_next(struct client_open *open, struct client_bytes piece,
                                    struct client_buffer *plaintext)
{
    const size_t wanted = client_open_wants(open);

    plaintext->length = 0;
    if (open->stage == CLIENT_OPEN_FAILED)
        return open->failure;
    if (piece.length < wanted)
        return fail(open, CLIENT_TRUNCATED);
    if (piece.length > wanted)
        return fail(open, open->stage == CLIENT_OPEN_ENDED ? CLIENT_TRAILING_DATA : CLIENT_BAD_ARGUMENT);
    const enum client_result result = next_piece(open, piece, plaintext);
    return result == CLIENT_OK ? CLIENT_OK : fail(open, result);
}

enum client_result client_open_end(struct client_open *open, size_t left)
{
    if (open->stage == CLIENT_OPEN_FAILED)
        return open->failure;
    if (open->stage != CLIENT_OPEN_ENDED)
        return fail(open, CLIENT_TRUNCATED);
    return left == 0 ? CLIENT_OK : fail(open, CLIENT_TRAILING_DATA);
}
