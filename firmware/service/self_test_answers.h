/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the known-answer tests compute. Each function writes its answer, of the length that self_test_vectors.h has it
 * in, to a buffer that holds ANSWER_FILL in every byte. Functions of one parameter set are called in the order in
 * which they stand here: each uses what the one before it has left in the working memory, right or wrong.
 */
#ifndef SELF_TEST_ANSWERS_H
#define SELF_TEST_ANSWERS_H

#include "crypto/mldsa.h"
#include "crypto/mlkem.h"
#include "service/self_test_vectors.h"

#include <stdbool.h>
#include <stdint.h>

/* Neither verdict: a function that writes nothing passes no test. */
#define ANSWER_FILL 0xFFu
#define ANSWER_ACCEPTED 0x01u
#define ANSWER_REFUSED 0x00u

#define COUNTING_BYTES 256u

/* Working memory, wiped when the tests are through. */
struct self_test_work {
    uint8_t counting[COUNTING_BYTES]; /* 0x00, 0x01, ... 0xff: every input is a part of it */
    union {
        struct {
            uint8_t text[INPUT_TEXT_SIZE];
            uint8_t tag[16];
        } gcm;
        uint8_t squeezed[INPUT_HASHED_SIZE];
        struct {
            uint8_t encapsulation_key[MLKEM_EK_MAX];
            uint8_t decapsulation_key[MLKEM_DK_MAX];
            uint8_t ciphertext[MLKEM_CT_MAX];
            uint8_t message[32];
            uint8_t secrets[2][MLKEM_SS_SIZE];
        } mlkem;
        struct {
            uint8_t public_key[MLDSA_PUBLIC_KEY_MAX];
            uint8_t secret_key[MLDSA_SECRET_KEY_MAX];
            uint8_t signature[MLDSA_SIGNATURE_MAX];
        } mldsa;
    };
};

extern struct self_test_work self_test_work;

static inline uint8_t answer_verdict(bool accepted)
{
    return accepted ? ANSWER_ACCEPTED : ANSWER_REFUSED;
}

void answer_aes256_block(const void *unused, uint8_t *answer);
void answer_gcm_encrypt(const void *unused, uint8_t *answer);
void answer_gcm_decrypt(const void *unused, uint8_t *answer);
void answer_gcm_reject(const void *unused, uint8_t *answer);
void answer_sha3_256(const void *unused, uint8_t *answer);
void answer_sha3_512(const void *unused, uint8_t *answer);
void answer_shake128(const void *unused, uint8_t *answer);
void answer_shake256(const void *unused, uint8_t *answer);
void answer_siphash(const void *unused, uint8_t *answer);
void answer_ctr_drbg(const void *unused, uint8_t *answer);

/* Of a struct mlkem_parameters. */
void answer_mlkem_keygen(const void *parameters, uint8_t *answer);
void answer_mlkem_encaps(const void *parameters, uint8_t *answer);
void answer_mlkem_decaps(const void *parameters, uint8_t *answer);
void answer_mlkem_reject(const void *parameters, uint8_t *answer);

/* Of a struct mldsa_parameters. */
void answer_mldsa_keygen(const void *parameters, uint8_t *answer);
void answer_mldsa_sign(const void *parameters, uint8_t *answer);
void answer_mldsa_verify(const void *parameters, uint8_t *answer);
void answer_mldsa_reject(const void *parameters, uint8_t *answer);

#endif
