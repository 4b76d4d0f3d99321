/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "client/client_operations.h"

#include "client/client_exchange.h"

enum client_result client_aes_encrypt(struct client *client, uint32_t key_id, struct client_bytes aad,
                                      struct client_bytes plaintext, struct client_encrypted *encrypted)
{
    struct client_request request = client_request_begin(client);
    struct client_buffer parts[] = {
        {.data = encrypted->nonce, .size = sizeof encrypted->nonce},
        {.data = encrypted->text.data, .size = plaintext.length},
        {.data = encrypted->tag, .size = sizeof encrypted->tag},
    };

    encrypted->text.length = 0;
    if (encrypted->text.size < plaintext.length)
        return CLIENT_NO_ROOM;
    if (!client_request_aes_encrypt(&request, key_id, aad, plaintext))
        return CLIENT_BAD_ARGUMENT;
    const enum client_result result = client_exchange(client, &request, parts, 3);
    encrypted->text.length = parts[1].length;
    return result;
}

enum client_result client_aes_decrypt(struct client *client, uint32_t key_id,
                                      const struct client_ciphertext *ciphertext, struct client_buffer *plaintext)
{
    struct client_request request = client_request_begin(client);

    plaintext->length = 0;
    if (plaintext->size < ciphertext->text.length)
        return CLIENT_NO_ROOM;
    if (!client_request_aes_decrypt(&request, key_id, ciphertext))
        return CLIENT_BAD_ARGUMENT;
    return client_exchange(client, &request, plaintext, 1);
}

enum client_result client_mldsa_sign(struct client *client, uint32_t key_id, struct client_bytes context,
                                     struct client_bytes message, struct client_buffer *signature)
{
    struct client_request request = client_request_begin(client);

    signature->length = 0;
    if (!client_request_mldsa_sign(&request, key_id, context, message))
        return CLIENT_BAD_ARGUMENT;
    return client_exchange(client, &request, signature, 1);
}

enum client_result client_mldsa_verify(struct client *client, uint32_t key_id, struct client_bytes context,
                                       struct client_bytes signature, struct client_bytes message)
{
    struct client_request request = client_request_begin(client);

    if (!client_request_mldsa_verify(&request, key_id, context, signature, message))
        return CLIENT_BAD_ARGUMENT;
    return client_exchange(client, &request, NULL, 0);
}

enum client_result client_mlkem_keygen(struct client *client, uint32_t key_id, struct client_buffer *encapsulation_key)
{
    struct client_request request = client_request_begin(client);

    encapsulation_key->length = 0;
    if (!client_request_mlkem_keygen(&request, key_id))
        return CLIENT_BAD_ARGUMENT;
    return client_exchange(client, &request, encapsulation_key, 1);
}

enum client_result client_mlkem_encaps(struct client *client, struct client_bytes encapsulation_key,
                                       struct client_buffer *ciphertext, uint8_t shared_secret[SHARED_SECRET_SIZE])
{
    const size_t ciphertext_size = mlkem_ciphertext_size(encapsulation_key.length);
    struct client_request request = client_request_begin(client);
    struct client_buffer parts[] = {
        {.data = ciphertext->data, .size = ciphertext_size},
        {.data = shared_secret, .size = SHARED_SECRET_SIZE},
    };

    ciphertext->length = 0;
    if (ciphertext->size < ciphertext_size)
        return CLIENT_NO_ROOM;
    if (!client_request_mlkem_encaps(&request, encapsulation_key))
        return CLIENT_BAD_ARGUMENT;
    const enum client_result result = client_exchange(client, &request, parts, 2);
    ciphertext->length = parts[0].length;
    return result;
}

enum client_result client_mlkem_decaps(struct client *client, uint32_t key_id, struct client_bytes ciphertext,
                                       uint8_t shared_secret[SHARED_SECRET_SIZE])
{
    struct client_request request = client_request_begin(client);
    struct client_buffer part = {.data = shared_secret, .size = SHARED_SECRET_SIZE};

    if (!client_request_mlkem_decaps(&request, key_id, ciphertext))
        return CLIENT_BAD_ARGUMENT;
    return client_exchange(client, &request, &part, 1);
}
