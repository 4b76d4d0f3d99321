/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* AES_DECRYPT: key_id u32, nonce[12], aad_length u16, aad, ciphertext, tag[16] -> plaintext (AES-1, AES-3). */
#include "crypto/gcm.h"
#include "protocol.h"
#include "service/handlers.h"
#include "service/key_store.h"

/* key_id, nonce and aad_length; the tag is the fourth field of constant size, and the payload's last. */
#define LEADING_FIELDS (AES_DECRYPT_PAYLOAD_MIN - GCM_TAG_SIZE)

enum status aes_decrypt_check(struct request *request)
{
    struct message *const message = &request->message;
    struct span fields;

    if (message->remaining < AES_DECRYPT_PAYLOAD_MIN || !message_take(message, LEADING_FIELDS, &fields))
        return STATUS_INVALID_PAYLOAD;
    message_fetch_taken(message);
    if (!message_take(message, load_u16(fields.data + 4 + GCM_NONCE_SIZE), &request->aad) ||
        message->remaining < GCM_TAG_SIZE ||
        !message_take(message, message->remaining - GCM_TAG_SIZE, &request->text) ||
        !message_take(message, GCM_TAG_SIZE, &request->tag))
        return STATUS_INVALID_PAYLOAD;
    request->key_id = load_u32(fields.data);
    request->nonce = fields.data + 4;
    return STATUS_SUCCESS;
}

enum status aes_decrypt_operate(struct request *request)
{
    const struct span text = request->text;
    struct key key;
    enum status status = key_store_open(request->key_id, KEY_ALGORITHM_AES, &key);

    if (status != STATUS_SUCCESS)
        goto cleanup;
    const struct nonce_place place = nonce_tracker_locate(request->nonce);
    if (nonce_tracker_refuses(&key.state->tracker, place)) {
        status = STATUS_NONCE_REUSE;
        goto cleanup;
    }
    const struct gcm_input input = {
        .key = key.material,
        .nonce = request->nonce,
        .aad = request->aad.data,
        .aad_length = request->aad.length,
        .text = text.data,
        .text_length = text.length,
    };
    if (!gcm_decrypt(&input, request->tag.data, text.data)) {
        status = STATUS_DECRYPTION_FAILED;
        goto cleanup;
    }
    nonce_tracker_record(&key.state->tracker, place);
    message_respond(&request->message, text.data, text.length);

cleanup:
    key_store_close();
    return status;
}
