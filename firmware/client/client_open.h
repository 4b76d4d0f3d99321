/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Opening a sealed file, piece by piece. The caller asks client_open_wants() how many bytes the next piece has, reads
 * them and hands them to client_open_next(), until it wants none; then it calls client_open_end().
 *
 * Each chunk is authentic when it comes out, but only CLIENT_OK from client_open_end() says that these chunks are the
 * whole file: before that, whoever cut the file off may not have been noticed. Keep the plaintext where nobody takes
 * it for the file, and give it its final name after that call (CLI-3).
 *
 * The service remembers the nonces that it has decrypted with (NON-1): it opens a file once, and answers a second
 * opening with NONCE_REUSE until the key is rotated or the service is reset.
 */
#ifndef CLIENT_OPEN_H
#define CLIENT_OPEN_H

#include "client/client.h"
#include "client/sealed_file.h"

enum client_open_stage {
    CLIENT_OPEN_HEADER,
    CLIENT_OPEN_HEAD,  /* of a chunk or of the end record */
    CLIENT_OPEN_CHUNK, /* the ciphertext that the head has announced */
    CLIENT_OPEN_ENDED, /* the end record was authentic */
    CLIENT_OPEN_FAILED,
};

struct client_open {
    struct client *client;
    uint32_t key_id;
    uint32_t chunks;       /* that have been opened */
    uint32_t chunk_length; /* of the chunk before, or of the one that is awaited */
    enum client_open_stage stage;
    enum client_result failure;
    uint8_t head[SEALED_HEAD_SIZE];
};

void client_open_begin(struct client_open *open, struct client *client);

/* Bytes of the next piece, at most SEALED_CHUNK_SIZE. 0: the file has ended, or failed. */
size_t client_open_wants(const struct client_open *open);

/*
 * Takes the next piece. At the end of the input hand over what there is: a piece that is shorter than wanted is
 * CLIENT_TRUNCATED. `plaintext` needs as much room as was wanted, may overlap the piece, and has something written to
 * it only where the piece was a chunk and the result is CLIENT_OK. Any other result is final and is given again by
 * every later call; the client's status says more about CLIENT_REFUSED.
 */
__attribute__((warn_unused_result)) enum client_result
client_open_next(struct client_open *open, struct client_bytes piece, struct client_buffer *plaintext);

/* CLIENT_OK: the file is authentic from its first byte to its last. `left` is how many bytes of input follow. */
__attribute__((warn_unused_result)) enum client_result client_open_end(struct client_open *open, size_t left);

#endif
