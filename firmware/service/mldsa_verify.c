/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* MLDSA_VERIFY: key_id u32, context_length u8, context, signature_length u16, signature, message -> empty (DSA-1). */
#include "crypto/wipe.h"
#include "protocol.h"
#include "service/handlers.h"
#include "service/mldsa_key.h"
#include "service/self_test_pairwise.h"

#define SIGNATURE_LENGTH_SIZE 2u
#define LEADING_FIELDS (MLDSA_VERIFY_PAYLOAD_MIN - SIGNATURE_LENGTH_SIZE)

enum status mldsa_verify_check(struct request *request)
{
    struct message *const message = &request->message;
    struct span fields;
    struct span signature_length;

    if (message->remaining < MLDSA_VERIFY_PAYLOAD_MIN || !message_take(message, LEADING_FIELDS, &fields))
        return STATUS_INVALID_PAYLOAD;
    message_fetch_taken(message);
    if (!message_take(message, fields.data[4], &request->context) ||
        !message_take(message, SIGNATURE_LENGTH_SIZE, &signature_length))
        return STATUS_INVALID_PAYLOAD;
    message_fetch_taken(message);
    if (!message_take(message, load_u16(signature_length.data), &request->signature) ||
        !message_take(message, message->remaining, &request->text))
        return STATUS_INVALID_PAYLOAD;
    request->key_id = load_u32(fields.data);
    return STATUS_SUCCESS;
}

enum status mldsa_verify_operate(struct request *request)
{
    const struct span context = request->context;
    const struct span signature = request->signature;
    const struct span text = request->text;
    struct key key;
    enum status status = key_store_open(request->key_id, KEY_ALGORITHM_MLDSA, &key);

    if (status != STATUS_SUCCESS)
        goto cleanup;
    const struct mldsa_parameters *const parameters = mldsa_key_parameters(&key);
    if (signature.length != parameters->signature_size) {
        status = STATUS_INVALID_PAYLOAD;
        goto cleanup;
    }
    const bool is_seed = key.material_length == MLDSA_SEED_SIZE;
    const uint8_t *const public_key = is_seed ? mldsa_key_pair(&key)->public_key : key.material;
    if (self_test_pair_failed()) {
        status = STATUS_CRYPTO_ERROR;
        goto cleanup;
    }
    if (!mldsa_verify(parameters, public_key, context.data, context.length, text.data, text.length, signature.data,
                      signature.length, &mldsa_working_memory))
        status = STATUS_CRYPTO_ERROR;
    wipe(&mldsa_working_memory, sizeof mldsa_working_memory);

cleanup:
    key_store_close();
    return status;
}
