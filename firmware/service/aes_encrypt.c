/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AES_ENCRYPT: key_id u32, aad_length u16, aad, plaintext -> nonce[12], ciphertext, tag[16] (AES-1, AES-2). */
#include "crypto/gcm.h"
#include "crypto/wipe.h"
#include "memory.h"
#include "protocol.h"
#include "service/handlers.h"
#include "service/key_store.h"
#include "service/random.h"

/* The response is built round the plaintext's place: the nonce may reach into the margin before the payload. */
_Static_assert(GCM_NONCE_SIZE <= AES_ENCRYPT_PAYLOAD_MIN + MESSAGE_MARGIN, "room for the nonce");
_Static_assert(GCM_TAG_SIZE <= MESSAGE_MARGIN, "room for the tag");

enum status aes_encrypt_check(struct request *request)
{
    struct message *const message = &request->message;
    struct span fields;

    if (!message_take(message, AES_ENCRYPT_PAYLOAD_MIN, &fields))
        return STATUS_INVALID_PAYLOAD;
    message_fetch_taken(message);
    if (!message_take(message, load_u16(fields.data + 4), &request->aad) ||
        !message_take(message, message->remaining, &request->text))
        return STATUS_INVALID_PAYLOAD;
    request->key_id = load_u32(fields.data);
    return request->text.length <= AES_PLAINTEXT_MAX ? STATUS_SUCCESS : STATUS_PAYLOAD_TOO_LARGE;
}

enum status aes_encrypt_operate(struct request *request)
{
    const struct span text = request->text;
    uint8_t nonce[GCM_NONCE_SIZE];
    struct key key;
    enum status status = key_store_open(request->key_id, KEY_ALGORITHM_AES, &key);

    if (status != STATUS_SUCCESS)
        goto cleanup;
    if (key.state->encryptions >= AES_ENCRYPTIONS_MAX) {
        status = STATUS_NONCE_REUSE;
        goto cleanup;
    }
    if (!random_draw(nonce, sizeof nonce)) {
        status = STATUS_CRYPTO_ERROR;
        goto cleanup;
    }
    const struct gcm_input input = {
        .key = key.material,
        .nonce = nonce,
        .aad = request->aad.data,
        .aad_length = request->aad.length,
        .text = text.data,
        .text_length = text.length,
    };
    gcm_encrypt(&input, text.data, text.data + text.length);
    key.state->encryptions++;
    /* Over the end of the aad, which is not needed any more. */
    memcpy(text.data - sizeof nonce, nonce, sizeof nonce);
    message_respond(&request->message, text.data - sizeof nonce, GCM_NONCE_SIZE + text.length + GCM_TAG_SIZE);

cleanup:
    key_store_close();
    wipe(nonce, sizeof nonce);
    return status;
}
