/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/dispatch.h"

#include "protocol.h"
#include "service/self_test.h"

#include <stddef.h>

/* All of a request's first word but the type, which is its third byte, is the same for every request. */
#define TYPE_SHIFT 16
#define TYPE_MASK (0xFFu << TYPE_SHIFT)
#define REQUEST_IDENTITY (PROTOCOL_FLAGS << 24 | PROTOCOL_VERSION << 8 | REQUEST_MAGIC)

struct command {
    uint32_t type;
    enum status (*check)(struct request *request);   /* checks 4 and 5 */
    enum status (*operate)(struct request *request); /* checks 6 to 9 */
};

static const struct command commands[] = {
    {TYPE_AES_ENCRYPT, aes_encrypt_check, aes_encrypt_operate},
    {TYPE_AES_DECRYPT, aes_decrypt_check, aes_decrypt_operate},
    {TYPE_MLDSA_SIGN, mldsa_sign_check, mldsa_sign_operate},
    {TYPE_MLDSA_VERIFY, mldsa_verify_check, mldsa_verify_operate},
    {TYPE_MLKEM_KEYGEN, mlkem_keygen_check, mlkem_keygen_operate},
    {TYPE_MLKEM_ENCAPS, mlkem_encaps_check, mlkem_encaps_operate},
    {TYPE_MLKEM_DECAPS, mlkem_decaps_check, mlkem_decaps_operate},
};

/* The command with the type, or NULL when there is none. */
static const struct command *find_command(uint32_t type)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (commands[i].type == type)
            return &commands[i];
    }
    return NULL;
}

enum status dispatch(const struct header *header, struct request *request)
{
    struct payload_length length;

    if ((header->identity & ~TYPE_MASK) != REQUEST_IDENTITY)
        return STATUS_INVALID_HEADER;
    const struct command *const command = find_command((header->identity & TYPE_MASK) >> TYPE_SHIFT);
    if (command == NULL)
        return STATUS_INVALID_TYPE;
    if (!payload_length_check(header->payload_length, &length))
        return STATUS_PAYLOAD_TOO_LARGE;
    message_set_length(&request->message, length);
    const enum status status = command->check(request);
    if (status != STATUS_SUCCESS)
        return status;
    if (self_test_failed())
        return STATUS_CRYPTO_ERROR;
    request->operated = true;
    message_fetch(&request->message);
    return command->operate(request);
}
