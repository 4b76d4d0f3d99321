/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* MLKEM_KEYGEN: key_id u32 -> encapsulation key (KEM-1). */
#include "crypto/wipe.h"
#include "protocol.h"
#include "service/handlers.h"
#include "service/mlkem_key.h"
#include "service/random.h"
#include "service/self_test_pairwise.h"

_Static_assert((unsigned)MLKEM_EK_MAX <= MESSAGE_OUTPUT_MAX, "room for the encapsulation key");

enum status mlkem_keygen_check(struct request *request)
{
    struct message *const message = &request->message;
    struct span fields;

    if (!message_take(message, MLKEM_KEYGEN_PAYLOAD_MIN, &fields) || message->remaining > 0)
        return STATUS_INVALID_PAYLOAD;
    message_fetch_taken(message);
    request->key_id = load_u32(fields.data);
    return STATUS_SUCCESS;
}

enum status mlkem_keygen_operate(struct request *request)
{
    uint8_t seeds[MLKEM_KEYGEN_RANDOM_SIZE]; /* d, then z */
    struct key key;
    enum status status = key_store_open(request->key_id, KEY_ALGORITHM_MLKEM, &key);

    if (status != STATUS_SUCCESS)
        goto cleanup;
    if (!random_draw(seeds, sizeof seeds)) {
        status = STATUS_CRYPTO_ERROR;
        goto cleanup;
    }
    const struct mlkem_parameters *const parameters = mlkem_key_parameters(&key);
    uint8_t *const encapsulation_key = message_output(&request->message, parameters->ek_size);
    /* In the place of an earlier key, every byte of it. */
    mlkem_keygen(parameters, seeds, seeds + MLKEM_KEYGEN_RANDOM_SIZE / 2u, encapsulation_key,
                 key.state->cached->mlkem_decapsulation_key);
    key.state->content = CACHED_GENERATED;
    if (!self_test_mlkem_pair(&key, encapsulation_key)) {
        status = STATUS_CRYPTO_ERROR;
        goto cleanup;
    }
    message_respond(&request->message, encapsulation_key, parameters->ek_size);

cleanup:
    key_store_close();
    wipe(seeds, sizeof seeds);
    return status;
}
