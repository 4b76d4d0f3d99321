/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Requests, one builder for each type (HDR-1 and the table of operations in docs/protocol.md). A builder writes header
 * and payload straight into the request area, each byte once. False: a field is longer than its length field can say,
 * or the request longer than the area or IPC_MAX_PAYLOAD; then nothing has been written.
 */
#ifndef CLIENT_REQUEST_H
#define CLIENT_REQUEST_H

#include "client/client.h"
#include "protocol.h"

/* The payload lengths that a successful response may have; none where the service can only refuse. */
struct client_lengths {
    uint32_t count;
    uint32_t bytes[3];
};

struct client_request {
    volatile uint8_t *area;
    size_t size;                  /* bytes at `area` */
    uint32_t length;              /* header and payload, once built */
    struct client_lengths answer; /* once built */
};

/* The fields of AES_DECRYPT but for the key id. */
struct client_ciphertext {
    const uint8_t *nonce; /* GCM_NONCE_SIZE bytes */
    struct client_bytes aad;
    struct client_bytes text;
    const uint8_t *tag; /* GCM_TAG_SIZE bytes */
};

__attribute__((warn_unused_result)) bool client_request_aes_encrypt(struct client_request *request, uint32_t key_id,
                                                                    struct client_bytes aad,
                                                                    struct client_bytes plaintext);

__attribute__((warn_unused_result)) bool client_request_aes_decrypt(struct client_request *request, uint32_t key_id,
                                                                    const struct client_ciphertext *ciphertext);

__attribute__((warn_unused_result)) bool client_request_mldsa_sign(struct client_request *request, uint32_t key_id,
                                                                   struct client_bytes context,
                                                                   struct client_bytes message);

__attribute__((warn_unused_result)) bool client_request_mldsa_verify(struct client_request *request, uint32_t key_id,
                                                                     struct client_bytes context,
                                                                     struct client_bytes signature,
                                                                     struct client_bytes message);

__attribute__((warn_unused_result)) bool client_request_mlkem_keygen(struct client_request *request, uint32_t key_id);

__attribute__((warn_unused_result)) bool client_request_mlkem_encaps(struct client_request *request,
                                                                     struct client_bytes encapsulation_key);

__attribute__((warn_unused_result)) bool client_request_mlkem_decaps(struct client_request *request, uint32_t key_id,
                                                                     struct client_bytes ciphertext);

#endif
