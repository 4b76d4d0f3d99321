/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Known answers of ML-DSA (FIPS 204), signing deterministically. Keys and signatures stand as their SHA3-256. */
#include "crypto/sha3.h"
#include "crypto/wipe.h"
#include "service/mldsa_key.h"
#include "service/self_test_answers.h"

#define work self_test_work.mldsa

static const uint8_t *const input = self_test_work.counting;

void answer_mldsa_keygen(const void *parameters, uint8_t *answer)
{
    const struct mldsa_parameters *const p = parameters;
    struct sha3 sha3;

    mldsa_keygen(p, input + INPUT_MLDSA_SEED, work.public_key, work.secret_key, &mldsa_working_memory);
    sha3_256_init(&sha3);
    sha3_absorb(&sha3, work.public_key, p->public_key_size);
    sha3_absorb(&sha3, work.secret_key, p->secret_key_size);
    sha3_final(&sha3, answer);
}

void answer_mldsa_sign(const void *parameters, uint8_t *answer)
{
    static const uint8_t no_randomness[MLDSA_RND_SIZE];
    const struct mldsa_parameters *const p = parameters;

    if (mldsa_sign(p, work.secret_key, input + INPUT_MLDSA_CONTEXT, INPUT_MLDSA_CONTEXT_SIZE,
                   input + INPUT_MLDSA_MESSAGE, INPUT_MLDSA_MESSAGE_SIZE, no_randomness, work.signature,
                   &mldsa_working_memory))
        sha3_256(answer, work.signature, p->signature_size);
}

void answer_mldsa_verify(const void *parameters, uint8_t *answer)
{
    const struct mldsa_parameters *const p = parameters;

    answer[0] = answer_verdict(mldsa_verify(p, work.public_key, input + INPUT_MLDSA_CONTEXT, INPUT_MLDSA_CONTEXT_SIZE,
                                            input + INPUT_MLDSA_MESSAGE, INPUT_MLDSA_MESSAGE_SIZE, work.signature,
                                            p->signature_size, &mldsa_working_memory));
    wipe(&mldsa_working_memory, sizeof mldsa_working_memory);
}

void answer_mldsa_reject(const void *parameters, uint8_t *answer)
{
    work.signature[0] ^= 1u;
    answer_mldsa_verify(parameters, answer);
}
