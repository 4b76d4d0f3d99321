/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* MLKEM_ENCAPS: encapsulation key -> ciphertext, shared_secret[32] (KEM-2). */
#include "crypto/wipe.h"
#include "protocol.h"
#include "service/handlers.h"
#include "service/random.h"

#include <stddef.h>

_Static_assert((unsigned)MLKEM_CT_MAX + (unsigned)MLKEM_SS_SIZE <= MESSAGE_OUTPUT_MAX, "room for both");
_Static_assert((unsigned)MLKEM_SS_SIZE == MLKEM_SECRET_SIZE, "the secret is as long as the protocol has it");

/* The parameter set whose encapsulation keys have this length, or NULL. */
static const struct mlkem_parameters *parameters_of_length(uint32_t length)
{
    switch (length) {
    case MLKEM_512_ENCAPSULATION_KEY_SIZE:
        return &mlkem_512;
    case MLKEM_768_ENCAPSULATION_KEY_SIZE:
        return &mlkem_768;
    case MLKEM_1024_ENCAPSULATION_KEY_SIZE:
        return &mlkem_1024;
    default:
        return NULL;
    }
}

enum status mlkem_encaps_check(struct request *request)
{
    struct message *const message = &request->message;

    request->parameters = parameters_of_length(message->remaining);
    if (request->parameters == NULL || !message_take(message, message->remaining, &request->text))
        return STATUS_INVALID_PAYLOAD;
    return STATUS_SUCCESS;
}

enum status mlkem_encaps_operate(struct request *request)
{
    const struct mlkem_parameters *const parameters = request->parameters;
    const uint8_t *const encapsulation_key = request->text.data;
    uint8_t random[MLKEM_ENCAPS_RANDOM_SIZE];

    if (!mlkem_check_ek(parameters, encapsulation_key) || !random_draw(random, sizeof random))
        return STATUS_CRYPTO_ERROR;
    uint8_t *const ciphertext = message_output(&request->message, parameters->ct_size + MLKEM_SECRET_SIZE);
    mlkem_encaps(parameters, encapsulation_key, random, ciphertext, ciphertext + parameters->ct_size);
    message_respond(&request->message, ciphertext, parameters->ct_size + MLKEM_SECRET_SIZE);
    wipe(random, sizeof random);
    return STATUS_SUCCESS;
}
