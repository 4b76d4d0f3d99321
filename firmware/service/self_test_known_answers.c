/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/self_test_known_answers.h"

#include "crypto/constant_time.h"
#include "crypto/wipe.h"
#include "memory.h"
#include "platform/sections.h"
#include "platform/uart.h"
#include "service/self_test.h"
#include "service/self_test_answers.h"

struct known_answer {
    const char *name;
    void (*compute)(const void *parameters, uint8_t *answer);
    const void *parameters;
    uint32_t length;
    uint8_t expected[ANSWER_MAX];
};

#define ROW(title, function, set, ...)                                                                                 \
    {.name = (title),                                                                                                  \
     .compute = (function),                                                                                            \
     .parameters = (set),                                                                                              \
     .length = sizeof((const uint8_t[])__VA_ARGS__),                                                                   \
     .expected = __VA_ARGS__}

/* Whoever breaks an expected value on purpose finds it here by name. */
extern const struct known_answer known_answers[];
const struct known_answer known_answers[] = {
    ROW("AES-256 block", answer_aes256_block, NULL, ANSWER_AES256_BLOCK),
    ROW("AES-256-GCM encryption", answer_gcm_encrypt, NULL, ANSWER_GCM_ENCRYPT),
    ROW("AES-256-GCM decryption", answer_gcm_decrypt, NULL, ANSWER_GCM_DECRYPT),
    ROW("AES-256-GCM rejected tag", answer_gcm_reject, NULL, ANSWER_GCM_REJECT),
    ROW("SHA3-256", answer_sha3_256, NULL, ANSWER_SHA3_256),
    ROW("SHA3-512", answer_sha3_512, NULL, ANSWER_SHA3_512),
    ROW("SHAKE128", answer_shake128, NULL, ANSWER_SHAKE128),
    ROW("SHAKE256", answer_shake256, NULL, ANSWER_SHAKE256),
    ROW("SipHash-2-4-128", answer_siphash, NULL, ANSWER_SIPHASH),
    ROW("CTR_DRBG", answer_ctr_drbg, NULL, ANSWER_CTR_DRBG),
    ROW("ML-KEM-512 key generation", answer_mlkem_keygen, &mlkem_512, ANSWER_MLKEM_512_KEYGEN),
    ROW("ML-KEM-512 encapsulation", answer_mlkem_encaps, &mlkem_512, ANSWER_MLKEM_512_ENCAPS),
    ROW("ML-KEM-512 decapsulation", answer_mlkem_decaps, &mlkem_512, ANSWER_MLKEM_512_DECAPS),
    ROW("ML-KEM-512 implicit rejection", answer_mlkem_reject, &mlkem_512, ANSWER_MLKEM_512_REJECT),
    ROW("ML-KEM-768 key generation", answer_mlkem_keygen, &mlkem_768, ANSWER_MLKEM_768_KEYGEN),
    ROW("ML-KEM-768 encapsulation", answer_mlkem_encaps, &mlkem_768, ANSWER_MLKEM_768_ENCAPS),
    ROW("ML-KEM-768 decapsulation", answer_mlkem_decaps, &mlkem_768, ANSWER_MLKEM_768_DECAPS),
    ROW("ML-KEM-768 implicit rejection", answer_mlkem_reject, &mlkem_768, ANSWER_MLKEM_768_REJECT),
    ROW("ML-KEM-1024 key generation", answer_mlkem_keygen, &mlkem_1024, ANSWER_MLKEM_1024_KEYGEN),
    ROW("ML-KEM-1024 encapsulation", answer_mlkem_encaps, &mlkem_1024, ANSWER_MLKEM_1024_ENCAPS),
    ROW("ML-KEM-1024 decapsulation", answer_mlkem_decaps, &mlkem_1024, ANSWER_MLKEM_1024_DECAPS),
    ROW("ML-KEM-1024 implicit rejection", answer_mlkem_reject, &mlkem_1024, ANSWER_MLKEM_1024_REJECT),
    ROW("ML-DSA-44 key generation", answer_mldsa_keygen, &mldsa_44, ANSWER_MLDSA_44_KEYGEN),
    ROW("ML-DSA-44 signing", answer_mldsa_sign, &mldsa_44, ANSWER_MLDSA_44_SIGN),
    ROW("ML-DSA-44 verification", answer_mldsa_verify, &mldsa_44, ANSWER_MLDSA_44_VERIFY),
    ROW("ML-DSA-44 rejected signature", answer_mldsa_reject, &mldsa_44, ANSWER_MLDSA_44_REJECT),
    ROW("ML-DSA-65 key generation", answer_mldsa_keygen, &mldsa_65, ANSWER_MLDSA_65_KEYGEN),
    ROW("ML-DSA-65 signing", answer_mldsa_sign, &mldsa_65, ANSWER_MLDSA_65_SIGN),
    ROW("ML-DSA-65 verification", answer_mldsa_verify, &mldsa_65, ANSWER_MLDSA_65_VERIFY),
    ROW("ML-DSA-65 rejected signature", answer_mldsa_reject, &mldsa_65, ANSWER_MLDSA_65_REJECT),
    ROW("ML-DSA-87 key generation", answer_mldsa_keygen, &mldsa_87, ANSWER_MLDSA_87_KEYGEN),
    ROW("ML-DSA-87 signing", answer_mldsa_sign, &mldsa_87, ANSWER_MLDSA_87_SIGN),
    ROW("ML-DSA-87 verification", answer_mldsa_verify, &mldsa_87, ANSWER_MLDSA_87_VERIFY),
    ROW("ML-DSA-87 rejected signature", answer_mldsa_reject, &mldsa_87, ANSWER_MLDSA_87_REJECT),
};

IN_BULK struct self_test_work self_test_work;

void self_test_known_answers(void)
{
    uint8_t answer[ANSWER_MAX];

    for (unsigned i = 0; i < COUNTING_BYTES; i++)
        self_test_work.counting[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof known_answers / sizeof known_answers[0]; i++) {
        const struct known_answer *const row = &known_answers[i];
        memset(answer, ANSWER_FILL, sizeof answer);
        row->compute(row->parameters, answer);
        if (!ct_equal(answer, row->expected, row->length))
            self_test_fail_by_name(row->name);
    }
    wipe(answer, sizeof answer);
    wipe(&self_test_work, sizeof self_test_work);
    if (!self_test_failed())
        uart_write("self-tests passed\n");
}
