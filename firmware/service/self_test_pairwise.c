/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/self_test_pairwise.h"

#include "crypto/constant_time.h"
#include "crypto/sha3.h"
#include "crypto/wipe.h"
#include "memory.h"
#include "service/mldsa_key.h"
#include "service/mlkem_key.h"
#include "service/self_test_answers.h"

static void give_up(struct key_state *state, const char *name)
{
    wipe(state->cached, sizeof *state->cached);
    wipe(state->source, sizeof state->source);
    state->content = CACHED_NOTHING;
    self_test_fail_by_name(name);
}

/*
 * What is encapsulated is the hash of the encapsulation key, which is public: ciphertext and secret serve no other
 * purpose. The secrets differ beforehand, so that two functions that do nothing do not agree.
 */
bool self_test_mlkem_pair(const struct key *key, const uint8_t *encapsulation_key)
{
    const struct mlkem_parameters *const p = mlkem_key_parameters(key);
    const uint8_t *const decapsulation_key = key->state->cached->mlkem_decapsulation_key;
    uint8_t (*const secrets)[MLKEM_SS_SIZE] = self_test_work.mlkem.secrets;

    memset(secrets[0], 0x00, MLKEM_SS_SIZE);
    memset(secrets[1], 0xFF, MLKEM_SS_SIZE);
    sha3_256(self_test_work.mlkem.message, encapsulation_key, p->ek_size);
    mlkem_encaps(p, encapsulation_key, self_test_work.mlkem.message, self_test_work.mlkem.ciphertext, secrets[0]);
    mlkem_decaps(p, decapsulation_key, self_test_work.mlkem.ciphertext, secrets[1]);
    const bool consistent = ct_equal(secrets[0], secrets[1], MLKEM_SS_SIZE);
    wipe(&self_test_work, sizeof self_test_work);
    if (!consistent)
        give_up(key->state, "ML-KEM pairwise consistency");
    return consistent;
}

/* Signs an empty message deterministically. The context keeps the signature apart from those that clients ask for. */
void self_test_mldsa_pair(const struct key *key)
{
    static const uint8_t context[] = {'s', 'e', 'l', 'f', '-', 't', 'e', 's', 't'};
    static const uint8_t no_randomness[MLDSA_RND_SIZE];
    const struct mldsa_parameters *const p = mldsa_key_parameters(key);
    const struct mldsa_pair *const pair = &key->state->cached->mldsa;
    uint8_t *const signature = self_test_work.mldsa.signature;

    const bool consistent = mldsa_sign(p, pair->secret_key, context, sizeof context, context, 0, no_randomness,
                                       signature, &mldsa_working_memory) &&
                            mldsa_verify(p, pair->public_key, context, sizeof context, context, 0, signature,
                                         p->signature_size, &mldsa_working_memory);
    wipe(&mldsa_working_memory, sizeof mldsa_working_memory);
    wipe(&self_test_work, sizeof self_test_work);
    if (!consistent)
        give_up(key->state, "ML-DSA pairwise consistency");
}
