/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The operations, each a pair of functions. `..._check` makes checks 4 and 5 of a request: it reads no more of the
 * payload than it judges, and leaves the fields in `request`. `..._operate` makes checks 6 to 9: it finds the whole
 * payload copied, and sets the response when it succeeds.
 */
#ifndef HANDLERS_H
#define HANDLERS_H

#include "crypto/mlkem.h"
#include "service/message.h"
#include "status.h"

#include <stdbool.h>
#include <stdint.h>

struct request {
    struct message message;
    bool operated; /* checks 6 to 9 have begun: dead stack and registers may hold secrets */
    /* The payload's fields; a type's check sets those that it has. */
    uint32_t key_id;
    const uint8_t *nonce;
    struct span aad;
    struct span context;
    struct span text; /* plaintext, ciphertext, encapsulation key, or the message that is signed */
    struct span tag;
    struct span signature;
    const struct mlkem_parameters *parameters; /* those of the encapsulation key, by its length */
};

__attribute__((warn_unused_result)) enum status aes_encrypt_check(struct request *request);
__attribute__((warn_unused_result)) enum status aes_encrypt_operate(struct request *request);

__attribute__((warn_unused_result)) enum status aes_decrypt_check(struct request *request);
__attribute__((warn_unused_result)) enum status aes_decrypt_operate(struct request *request);

__attribute__((warn_unused_result)) enum status mldsa_sign_check(struct request *request);
__attribute__((warn_unused_result)) enum status mldsa_sign_operate(struct request *request);

__attribute__((warn_unused_result)) enum status mldsa_verify_check(struct request *request);
__attribute__((warn_unused_result)) enum status mldsa_verify_operate(struct request *request);

__attribute__((warn_unused_result)) enum status mlkem_keygen_check(struct request *request);
__attribute__((warn_unused_result)) enum status mlkem_keygen_operate(struct request *request);

__attribute__((warn_unused_result)) enum status mlkem_encaps_check(struct request *request);
__attribute__((warn_unused_result)) enum status mlkem_encaps_operate(struct request *request);

__attribute__((warn_unused_result)) enum status mlkem_decaps_check(struct request *request);
__attribute__((warn_unused_result)) enum status mlkem_decaps_operate(struct request *request);

#endif
