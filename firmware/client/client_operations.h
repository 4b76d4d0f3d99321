/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The service's seven operations as calls: request, retry, answer, clean window. Outputs are written only where the
 * result is CLIENT_OK. An output may overlap an input: the whole request is in the window before anything is written.
 */
#ifndef CLIENT_OPERATIONS_H
#define CLIENT_OPERATIONS_H

#include "client/client.h"
#include "client/client_request.h"
#include "client/client_sizes.h"

/* What AES_ENCRYPT answers with. `text` has room for as many bytes as the plaintext has. */
struct client_encrypted {
    uint8_t nonce[GCM_NONCE_SIZE];
    uint8_t tag[GCM_TAG_SIZE];
    struct client_buffer text;
};

__attribute__((warn_unused_result)) enum client_result client_aes_encrypt(struct client *client, uint32_t key_id,
                                                                          struct client_bytes aad,
                                                                          struct client_bytes plaintext,
                                                                          struct client_encrypted *encrypted);

__attribute__((warn_unused_result)) enum client_result client_aes_decrypt(struct client *client, uint32_t key_id,
                                                                          const struct client_ciphertext *ciphertext,
                                                                          struct client_buffer *plaintext);

__attribute__((warn_unused_result)) enum client_result client_mldsa_sign(struct client *client, uint32_t key_id,
                                                                         struct client_bytes context,
                                                                         struct client_bytes message,
                                                                         struct client_buffer *signature);

/* CLIENT_OK: the signature is valid. An invalid one is CLIENT_REFUSED with STATUS_CRYPTO_ERROR. */
__attribute__((warn_unused_result)) enum client_result client_mldsa_verify(struct client *client, uint32_t key_id,
                                                                           struct client_bytes context,
                                                                           struct client_bytes signature,
                                                                           struct client_bytes message);

__attribute__((warn_unused_result)) enum client_result client_mlkem_keygen(struct client *client, uint32_t key_id,
                                                                           struct client_buffer *encapsulation_key);

__attribute__((warn_unused_result)) enum client_result client_mlkem_encaps(struct client *client,
                                                                           struct client_bytes encapsulation_key,
                                                                           struct client_buffer *ciphertext,
                                                                           uint8_t shared_secret[SHARED_SECRET_SIZE]);

__attribute__((warn_unused_result)) enum client_result client_mlkem_decaps(struct client *client, uint32_t key_id,
                                                                           struct client_bytes ciphertext,
                                                                           uint8_t shared_secret[SHARED_SECRET_SIZE]);

#endif
