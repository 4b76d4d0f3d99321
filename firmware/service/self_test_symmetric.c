/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Known answers of AES-256, AES-256-GCM, the hash functions and the generator. */
#include "crypto/aes256.h"
#include "crypto/ctr_drbg.h"
#include "crypto/gcm.h"
#include "crypto/sha3.h"
#include "crypto/siphash.h"
#include "crypto/wipe.h"
#include "memory.h"
#include "service/self_test_answers.h"

_Static_assert(INPUT_DRAW_SIZE <= ANSWER_MAX, "room for a draw");
_Static_assert(1u + INPUT_TEXT_SIZE <= ANSWER_MAX && INPUT_TEXT_SIZE + 16u <= ANSWER_MAX, "room for text and tag");

static const uint8_t *const input = self_test_work.counting;

void answer_aes256_block(const void *unused, uint8_t *answer)
{
    struct aes256_key schedule;

    (void)unused;
    aes256_expand(&schedule, input + INPUT_KEY);
    aes256_encrypt_block(&schedule, input + INPUT_BLOCK, answer);
    wipe(&schedule, sizeof schedule);
}

static struct gcm_input gcm_input_of(const uint8_t *text)
{
    return (struct gcm_input){
        .key = input + INPUT_KEY,
        .nonce = input + INPUT_NONCE,
        .aad = input + INPUT_AAD,
        .aad_length = INPUT_AAD_SIZE,
        .text = text,
        .text_length = INPUT_TEXT_SIZE,
    };
}

void answer_gcm_encrypt(const void *unused, uint8_t *answer)
{
    const struct gcm_input plain = gcm_input_of(input + INPUT_TEXT);

    (void)unused;
    gcm_encrypt(&plain, self_test_work.gcm.text, self_test_work.gcm.tag);
    memcpy(answer, self_test_work.gcm.text, INPUT_TEXT_SIZE);
    memcpy(answer + INPUT_TEXT_SIZE, self_test_work.gcm.tag, sizeof self_test_work.gcm.tag);
}

void answer_gcm_decrypt(const void *unused, uint8_t *answer)
{
    const struct gcm_input sealed = gcm_input_of(self_test_work.gcm.text);

    (void)unused;
    answer[0] = answer_verdict(gcm_decrypt(&sealed, self_test_work.gcm.tag, answer + 1));
}

void answer_gcm_reject(const void *unused, uint8_t *answer)
{
    self_test_work.gcm.tag[0] ^= 1u;
    answer_gcm_decrypt(unused, answer);
}

void answer_sha3_256(const void *unused, uint8_t *answer)
{
    (void)unused;
    sha3_256(answer, input + INPUT_HASHED, INPUT_HASHED_SIZE);
}

void answer_sha3_512(const void *unused, uint8_t *answer)
{
    (void)unused;
    sha3_512(answer, input + INPUT_HASHED, INPUT_HASHED_SIZE);
}

/* The last bytes that are squeezed are the answer: they are of a second block. */
static void answer_shake(struct shake *shake, uint8_t *answer)
{
    uint8_t *const squeezed = self_test_work.squeezed;

    shake_absorb(shake, input + INPUT_HASHED, INPUT_HASHED_SIZE);
    shake_finish(shake);
    shake_squeeze(shake, squeezed, sizeof self_test_work.squeezed);
    memcpy(answer, squeezed + sizeof self_test_work.squeezed - 32, 32);
    wipe(shake, sizeof *shake);
}

void answer_shake128(const void *unused, uint8_t *answer)
{
    struct shake shake;

    (void)unused;
    shake128_init(&shake);
    answer_shake(&shake, answer);
}

void answer_shake256(const void *unused, uint8_t *answer)
{
    struct shake shake;

    (void)unused;
    shake256_init(&shake);
    answer_shake(&shake, answer);
}

void answer_siphash(const void *unused, uint8_t *answer)
{
    (void)unused;
    siphash24_128(answer, input + INPUT_SIPHASH_KEY, input + INPUT_SIPHASH, INPUT_SIPHASH_SIZE);
}

/* A generator of its own: the service's is not there yet. The second draw shows that the first moved the state on. */
void answer_ctr_drbg(const void *unused, uint8_t *answer)
{
    struct ctr_drbg generator;

    (void)unused;
    ctr_drbg_init(&generator, input + INPUT_ENTROPY);
    if (!ctr_drbg_generate(&generator, answer, INPUT_DRAW_SIZE) ||
        !ctr_drbg_generate(&generator, answer, INPUT_DRAW_SIZE))
        memset(answer, ANSWER_FILL, INPUT_DRAW_SIZE);
    wipe(&generator, sizeof generator);
}
