/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/mldsa_key.h"

#include "memory.h"
#include "platform/sections.h"
#include "protocol.h"
#include "service/self_test_pairwise.h"

_Static_assert((unsigned)MLDSA_SEED_SIZE == MLDSA_KEY_SEED_SIZE, "the material is the seed");
_Static_assert((unsigned)MLDSA_PUBLIC_KEY_MAX == MLDSA_87_PUBLIC_KEY_SIZE, "both tables are of FIPS 204");

IN_BULK struct mldsa_scratch mldsa_working_memory;

const struct mldsa_parameters *mldsa_key_parameters(const struct key *key)
{
    switch (key->state->parameter_set) {
    case 44:
        return &mldsa_44;
    case 65:
        return &mldsa_65;
    default: /* 87: the key store knows no other */
        return &mldsa_87;
    }
}

const struct mldsa_pair *mldsa_key_pair(const struct key *key)
{
    struct key_state *const state = key->state;
    struct mldsa_pair *const pair = &state->cached->mldsa;

    if (state->content != CACHED_EXPANSION) {
        mldsa_keygen(mldsa_key_parameters(key), key->material, pair->public_key, pair->secret_key,
                     &mldsa_working_memory);
        memcpy(state->source, key->digest, sizeof state->source);
        state->content = CACHED_EXPANSION;
        self_test_mldsa_pair(key);
    }
    return pair;
}
