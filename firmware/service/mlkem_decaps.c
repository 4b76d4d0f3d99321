/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* MLKEM_DECAPS: key_id u32, ciphertext -> shared_secret[32] (KEM-1, KEM-3). */
#include "protocol.h"
#include "service/handlers.h"
#include "service/mlkem_key.h"

enum status mlkem_decaps_check(struct request *request)
{
    struct message *const message = &request->message;
    struct span fields;

    if (!message_take(message, MLKEM_DECAPS_PAYLOAD_MIN, &fields))
        return STATUS_INVALID_PAYLOAD;
    message_fetch_taken(message);
    if (!message_take(message, message->remaining, &request->text))
        return STATUS_INVALID_PAYLOAD;
    request->key_id = load_u32(fields.data);
    return STATUS_SUCCESS;
}

enum status mlkem_decaps_operate(struct request *request)
{
    const struct span ciphertext = request->text;
    struct key key;
    enum status status = key_store_open(request->key_id, KEY_ALGORITHM_MLKEM, &key);

    if (status != STATUS_SUCCESS)
        goto cleanup;
    if (key.state->content != CACHED_GENERATED) {
        status = STATUS_KEY_NOT_FOUND;
        goto cleanup;
    }
    const struct mlkem_parameters *const parameters = mlkem_key_parameters(&key);
    if (ciphertext.length != parameters->ct_size) {
        status = STATUS_INVALID_PAYLOAD;
        goto cleanup;
    }
    uint8_t *const secret = message_output(&request->message, MLKEM_SECRET_SIZE);
    mlkem_decaps(parameters, key.state->cached->mlkem_decapsulation_key, ciphertext.data, secret);
    message_respond(&request->message, secret, MLKEM_SECRET_SIZE);

cleanup:
    key_store_close();
    return status;
}
