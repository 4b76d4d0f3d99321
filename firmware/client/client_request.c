/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "client/client_request.h"

#include "client/client_sizes.h"
#include "crypto/little_endian.h"
#include "platform/shared.h"

#define KEY_ID_SIZE 4u
#define LENGTH_U8_MAX 0xFFu
#define LENGTH_U16_MAX 0xFFFFu

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void store16_le(uint8_t bytes[2], size_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

/* What a builder that refuses leaves behind. */
static void clear(struct client_request *request)
{
    request->length = 0;
    request->answer = (struct client_lengths){.count = 0};
}

/* Writes header and parts. False, with nothing written: they do not fit. */
__attribute__((warn_unused_result)) static bool build(struct client_request *request, uint8_t type,
                                                      const struct client_bytes *parts, size_t count)
{
    uint8_t header[IPC_HEADER_SIZE] = {REQUEST_MAGIC, PROTOCOL_VERSION, type, PROTOCOL_FLAGS};
    uint32_t payload_length = 0;

    for (size_t i = 0; i < count; i++) {
        if (parts[i].length > IPC_MAX_PAYLOAD - payload_length)
            return false;
        payload_length += (uint32_t)parts[i].length;
    }
    if (request->size < IPC_HEADER_SIZE || payload_length > request->size - IPC_HEADER_SIZE)
        return false;
    store32_le(header + 4, payload_length);
    shared_store(request->area, header, sizeof header);
    request->length = IPC_HEADER_SIZE;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].length > 0)
            shared_store(request->area + request->length, parts[i].data, parts[i].length);
        request->length += (uint32_t)parts[i].length;
    }
    return true;
}

static void expect(struct client_request *request, uint32_t length)
{
    request->answer = (struct client_lengths){.count = 1, .bytes = {length}};
}

bool client_request_aes_encrypt(struct client_request *request, uint32_t key_id, struct client_bytes aad,
                                struct client_bytes plaintext)
{
    uint8_t fields[KEY_ID_SIZE + 2];
    const struct client_bytes parts[] = {{fields, sizeof fields}, aad, plaintext};

    clear(request);
    store32_le(fields, key_id);
    store16_le(fields + KEY_ID_SIZE, aad.length);
    if (aad.length > LENGTH_U16_MAX || !build(request, TYPE_AES_ENCRYPT, parts, COUNT(parts)))
        return false;
    if (plaintext.length <= AES_PLAINTEXT_MAX)
        expect(request, GCM_NONCE_SIZE + (uint32_t)plaintext.length + GCM_TAG_SIZE);
    return true;
}

bool client_request_aes_decrypt(struct client_request *request, uint32_t key_id,
                                const struct client_ciphertext *ciphertext)
{
    uint8_t key[KEY_ID_SIZE];
    uint8_t aad_length[2];
    const struct client_bytes parts[] = {
        {key, sizeof key}, {ciphertext->nonce, GCM_NONCE_SIZE}, {aad_length, sizeof aad_length}, ciphertext->aad,
        ciphertext->text,  {ciphertext->tag, GCM_TAG_SIZE},
    };

    clear(request);
    store32_le(key, key_id);
    store16_le(aad_length, ciphertext->aad.length);
    if (ciphertext->aad.length > LENGTH_U16_MAX || !build(request, TYPE_AES_DECRYPT, parts, COUNT(parts)))
        return false;
    expect(request, (uint32_t)ciphertext->text.length);
    return true;
}

bool client_request_mldsa_sign(struct client_request *request, uint32_t key_id, struct client_bytes context,
                               struct client_bytes message)
{
    uint8_t fields[KEY_ID_SIZE + 1];
    const struct client_bytes parts[] = {{fields, sizeof fields}, context, message};

    clear(request);
    store32_le(fields, key_id);
    fields[KEY_ID_SIZE] = (uint8_t)context.length;
    if (context.length > LENGTH_U8_MAX || !build(request, TYPE_MLDSA_SIGN, parts, COUNT(parts)))
        return false;
    request->answer = (struct client_lengths){3, {SIGNATURE_44_SIZE, SIGNATURE_65_SIZE, SIGNATURE_87_SIZE}};
    return true;
}

bool client_request_mldsa_verify(struct client_request *request, uint32_t key_id, struct client_bytes context,
                                 struct client_bytes signature, struct client_bytes message)
{
    uint8_t fields[KEY_ID_SIZE + 1];
    uint8_t signature_length[2];
    const struct client_bytes parts[] = {
        {fields, sizeof fields}, context, {signature_length, sizeof signature_length}, signature, message,
    };

    clear(request);
    store32_le(fields, key_id);
    fields[KEY_ID_SIZE] = (uint8_t)context.length;
    store16_le(signature_length, signature.length);
    if (context.length > LENGTH_U8_MAX || signature.length > LENGTH_U16_MAX ||
        !build(request, TYPE_MLDSA_VERIFY, parts, COUNT(parts)))
        return false;
    expect(request, 0);
    return true;
}

bool client_request_mlkem_keygen(struct client_request *request, uint32_t key_id)
{
    uint8_t key[KEY_ID_SIZE];
    const struct client_bytes parts[] = {{key, sizeof key}};

    clear(request);
    store32_le(key, key_id);
    if (!build(request, TYPE_MLKEM_KEYGEN, parts, COUNT(parts)))
        return false;
    request->answer = (struct client_lengths){
        3, {ENCAPSULATION_KEY_512_SIZE, ENCAPSULATION_KEY_768_SIZE, ENCAPSULATION_KEY_1024_SIZE}};
    return true;
}

bool client_request_mlkem_encaps(struct client_request *request, struct client_bytes encapsulation_key)
{
    const size_t ciphertext_size = mlkem_ciphertext_size(encapsulation_key.length);

    clear(request);
    if (!build(request, TYPE_MLKEM_ENCAPS, &encapsulation_key, 1))
        return false;
    if (ciphertext_size > 0)
        expect(request, (uint32_t)ciphertext_size + SHARED_SECRET_SIZE);
    return true;
}

bool client_request_mlkem_decaps(struct client_request *request, uint32_t key_id, struct client_bytes ciphertext)
{
    uint8_t key[KEY_ID_SIZE];
    const struct client_bytes parts[] = {{key, sizeof key}, ciphertext};

    clear(request);
    store32_le(key, key_id);
    if (!build(request, TYPE_MLKEM_DECAPS, parts, COUNT(parts)))
        return false;
    expect(request, SHARED_SECRET_SIZE);
    return true;
}
