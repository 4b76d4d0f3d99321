/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Known answers of ML-KEM (FIPS 203). Those longer than a hash stand as their SHA3-256. */
#include "crypto/sha3.h"
#include "memory.h"
#include "service/self_test_answers.h"

#define work self_test_work.mlkem

static const uint8_t *const input = self_test_work.counting;

void answer_mlkem_keygen(const void *parameters, uint8_t *answer)
{
    const struct mlkem_parameters *const p = parameters;
    struct sha3 sha3;

    mlkem_keygen(p, input + INPUT_MLKEM_D, input + INPUT_MLKEM_Z, work.encapsulation_key, work.decapsulation_key);
    sha3_256_init(&sha3);
    sha3_absorb(&sha3, work.encapsulation_key, p->ek_size);
    sha3_absorb(&sha3, work.decapsulation_key, p->dk_size);
    sha3_final(&sha3, answer);
}

void answer_mlkem_encaps(const void *parameters, uint8_t *answer)
{
    const struct mlkem_parameters *const p = parameters;

    mlkem_encaps(p, work.encapsulation_key, input + INPUT_MLKEM_M, work.ciphertext, answer);
    sha3_256(answer + MLKEM_SS_SIZE, work.ciphertext, p->ct_size);
}

void answer_mlkem_decaps(const void *parameters, uint8_t *answer)
{
    mlkem_decaps(parameters, work.decapsulation_key, work.ciphertext, answer);
}

void answer_mlkem_reject(const void *parameters, uint8_t *answer)
{
    work.ciphertext[0] ^= 1u;
    mlkem_decaps(parameters, work.decapsulation_key, work.ciphertext, answer);
}
