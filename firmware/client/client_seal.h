/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Sealing a file of any length, chunk by chunk, with nothing held back: header, then chunks, then the end record, each
 * written out as it comes. A call that fails changes nothing, so that the same chunk may be tried again later; a file
 * without its end record is none.
 */
#ifndef CLIENT_SEAL_H
#define CLIENT_SEAL_H

#include "client/client.h"
#include "client/sealed_file.h"

enum client_seal_stage {
    CLIENT_SEAL_CHUNKS, /* another chunk may follow */
    CLIENT_SEAL_LAST,   /* a short chunk was the last one */
    CLIENT_SEAL_ENDED,  /* the file is complete */
};

struct client_seal {
    struct client *client;
    uint32_t key_id;
    uint32_t chunks;
    enum client_seal_stage stage;
};

/* Begins a file, and writes its header. */
void client_seal_begin(struct client_seal *seal, struct client *client, uint32_t key_id,
                       uint8_t header[SEALED_HEADER_SIZE]);

/*
 * Seals the next chunk into `record`, which needs SEALED_HEAD_SIZE bytes more than the plaintext has and may overlap
 * it. CLIENT_BAD_ARGUMENT: the chunk is empty or longer than SEALED_CHUNK_SIZE, or follows a shorter one or the end.
 */
__attribute__((warn_unused_result)) enum client_result
client_seal_chunk(struct client_seal *seal, struct client_bytes plaintext, struct client_buffer *record);

/* Seals the end record, SEALED_HEAD_SIZE bytes. CLIENT_BAD_ARGUMENT: there is one. */
__attribute__((warn_unused_result)) enum client_result client_seal_end(struct client_seal *seal,
                                                                       struct client_buffer *record);

#endif
