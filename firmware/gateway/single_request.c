/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "gateway/single_request.h"

#include "client/client_operations.h"
#include "crypto/little_endian.h"
#include "memory.h"

/* Takes the next `length` bytes. False: fewer are left. */
__attribute__((warn_unused_result)) static bool take(struct client_bytes *rest, size_t length,
                                                     struct client_bytes *field)
{
    if (length > rest->length)
        return false;
    *field = (struct client_bytes){rest->data, length};
    rest->data += length;
    rest->length -= length;
    return true;
}

__attribute__((warn_unused_result)) static bool take_key_id(struct client_bytes *rest, uint32_t *key_id)
{
    struct client_bytes field;

    if (!take(rest, 4, &field))
        return false;
    *key_id = load32_le(field.data);
    return true;
}

/* A field that a length of `size` bytes goes before. */
__attribute__((warn_unused_result)) static bool take_counted(struct client_bytes *rest, size_t size,
                                                             struct client_bytes *field)
{
    struct client_bytes length;

    if (!take(rest, size, &length))
        return false;
    return take(rest, size == 1 ? length.data[0] : (size_t)(length.data[0] | length.data[1] << 8), field);
}

static enum client_result encrypt(struct client *client, struct client_bytes rest, struct client_buffer *output)
{
    uint32_t key_id;
    struct client_bytes aad;

    if (!take_key_id(&rest, &key_id) || !take_counted(&rest, 2, &aad))
        return CLIENT_BAD_ARGUMENT;
    if (output->size < GCM_NONCE_SIZE + GCM_TAG_SIZE)
        return CLIENT_NO_ROOM;
    struct client_encrypted encrypted = {
        .text = {.data = output->data + GCM_NONCE_SIZE, .size = output->size - GCM_NONCE_SIZE - GCM_TAG_SIZE},
    };
    const enum client_result result = client_aes_encrypt(client, key_id, aad, rest, &encrypted);
    if (result != CLIENT_OK)
        return result;
    memcpy(output->data, encrypted.nonce, GCM_NONCE_SIZE);
    memcpy(encrypted.text.data + encrypted.text.length, encrypted.tag, GCM_TAG_SIZE);
    output->length = GCM_NONCE_SIZE + encrypted.text.length + GCM_TAG_SIZE;
    return CLIENT_OK;
}

static enum client_result decrypt(struct client *client, struct client_bytes rest, struct client_buffer *output)
{
    uint32_t key_id;
    struct client_bytes nonce;
    struct client_bytes tag;
    struct client_ciphertext ciphertext;

    if (!take_key_id(&rest, &key_id) || !take(&rest, GCM_NONCE_SIZE, &nonce) ||
        !take_counted(&rest, 2, &ciphertext.aad) || rest.length < GCM_TAG_SIZE ||
        !take(&rest, rest.length - GCM_TAG_SIZE, &ciphertext.text) || !take(&rest, GCM_TAG_SIZE, &tag))
        return CLIENT_BAD_ARGUMENT;
    ciphertext.nonce = nonce.data;
    ciphertext.tag = tag.data;
    return client_aes_decrypt(client, key_id, &ciphertext, output);
}

static enum client_result sign(struct client *client, struct client_bytes rest, struct client_buffer *output)
{
    uint32_t key_id;
    struct client_bytes context;

    if (!take_key_id(&rest, &key_id) || !take_counted(&rest, 1, &context))
        return CLIENT_BAD_ARGUMENT;
    return client_mldsa_sign(client, key_id, context, rest, output);
}

static enum client_result verify(struct client *client, struct client_bytes rest)
{
    uint32_t key_id;
    struct client_bytes context;
    struct client_bytes signature;

    if (!take_key_id(&rest, &key_id) || !take_counted(&rest, 1, &context) || !take_counted(&rest, 2, &signature))
        return CLIENT_BAD_ARGUMENT;
    return client_mldsa_verify(client, key_id, context, signature, rest);
}

static enum client_result keygen(struct client *client, struct client_bytes rest, struct client_buffer *output)
{
    uint32_t key_id;

    if (!take_key_id(&rest, &key_id) || rest.length > 0)
        return CLIENT_BAD_ARGUMENT;
    return client_mlkem_keygen(client, key_id, output);
}

static enum client_result encaps(struct client *client, struct client_bytes rest, struct client_buffer *output)
{
    const size_t ciphertext_size = mlkem_ciphertext_size(rest.length);

    if (output->size < ciphertext_size + SHARED_SECRET_SIZE)
        return CLIENT_NO_ROOM;
    const enum client_result result = client_mlkem_encaps(client, rest, output, output->data + ciphertext_size);
    if (result == CLIENT_OK)
        output->length += SHARED_SECRET_SIZE;
    return result;
}

static enum client_result decaps(struct client *client, struct client_bytes rest, struct client_buffer *output)
{
    uint32_t key_id;

    if (!take_key_id(&rest, &key_id))
        return CLIENT_BAD_ARGUMENT;
    if (output->size < SHARED_SECRET_SIZE)
        return CLIENT_NO_ROOM;
    const enum client_result result = client_mlkem_decaps(client, key_id, rest, output->data);
    if (result == CLIENT_OK)
        output->length = SHARED_SECRET_SIZE;
    return result;
}

enum client_result single_request(struct client *client, uint32_t type, struct client_bytes input,
                                  struct client_buffer *output)
{
    output->length = 0;
    switch (type) {
    case TYPE_AES_ENCRYPT:
        return encrypt(client, input, output);
    case TYPE_AES_DECRYPT:
        return decrypt(client, input, output);
    case TYPE_MLDSA_SIGN:
        return sign(client, input, output);
    case TYPE_MLDSA_VERIFY:
        return verify(client, input);
    case TYPE_MLKEM_KEYGEN:
        return keygen(client, input, output);
    case TYPE_MLKEM_ENCAPS:
        return encaps(client, input, output);
    case TYPE_MLKEM_DECAPS:
        return decaps(client, input, output);
    default:
        return CLIENT_BAD_ARGUMENT;
    }
}
