/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* MLDSA_SIGN: key_id u32, context_length u8, context, message -> signature (DSA-1, DSA-2). */
#include "crypto/wipe.h"
#include "protocol.h"
#include "service/handlers.h"
#include "service/mldsa_key.h"
#include "service/random.h"
#include "service/self_test_pairwise.h"

_Static_assert(MLDSA_SIGNATURE_MAX <= MESSAGE_OUTPUT_MAX, "room for the signature");
_Static_assert((unsigned)MLDSA_RND_SIZE == MLDSA_RANDOM_SIZE, "hedged as RNG-2 has it");

enum status mldsa_sign_check(struct request *request)
{
    struct message *const message = &request->message;
    struct span fields;

    if (!message_take(message, MLDSA_SIGN_PAYLOAD_MIN, &fields))
        return STATUS_INVALID_PAYLOAD;
    message_fetch_taken(message);
    if (!message_take(message, fields.data[4], &request->context) ||
        !message_take(message, message->remaining, &request->text))
        return STATUS_INVALID_PAYLOAD;
    request->key_id = load_u32(fields.data);
    return STATUS_SUCCESS;
}

enum status mldsa_sign_operate(struct request *request)
{
    const struct span context = request->context;
    const struct span text = request->text;
    uint8_t random[MLDSA_RND_SIZE];
    struct key key;
    enum status status = key_store_open(request->key_id, KEY_ALGORITHM_MLDSA, &key);

    if (status != STATUS_SUCCESS)
        goto cleanup;
    if (key.material_length != MLDSA_SEED_SIZE) {
        status = STATUS_KEY_NOT_FOUND;
        goto cleanup;
    }
    if (!random_draw(random, sizeof random)) {
        status = STATUS_CRYPTO_ERROR;
        goto cleanup;
    }
    const struct mldsa_parameters *const parameters = mldsa_key_parameters(&key);
    const struct mldsa_pair *const pair = mldsa_key_pair(&key);
    if (self_test_pair_failed()) {
        status = STATUS_CRYPTO_ERROR;
        goto cleanup;
    }
    uint8_t *const signature = message_output(&request->message, parameters->signature_size);
    if (!mldsa_sign(parameters, pair->secret_key, context.data, context.length, text.data, text.length, random,
                    signature, &mldsa_working_memory)) {
        status = STATUS_CRYPTO_ERROR;
        goto cleanup;
    }
    message_respond(&request->message, signature, parameters->signature_size);

cleanup:
    key_store_close();
    wipe(random, sizeof random);
    return status;
}
