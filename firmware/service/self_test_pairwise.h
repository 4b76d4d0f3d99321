/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Pairwise consistency tests of generated key pairs (FIPS-1). Only the FIPS build, which defines SELF_TESTS, makes
 * them. One that fails wipes the pair and enters the error state. Nothing is drawn from the generator (RNG-2).
 */
#ifndef SELF_TEST_PAIRWISE_H
#define SELF_TEST_PAIRWISE_H

#include "service/key_store.h"
#include "service/self_test.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef SELF_TESTS

/* Of an ML-KEM key pair that was just generated in the key's place: what is encapsulated comes out again. */
__attribute__((warn_unused_result)) bool self_test_mlkem_pair(const struct key *key, const uint8_t *encapsulation_key);

/* Of an ML-DSA seed that was just expanded in the key's place: what is signed verifies. */
void self_test_mldsa_pair(const struct key *key);

/* Whether the test of the key pair in use has failed: no operation begins in the error state. */
static inline bool self_test_pair_failed(void)
{
    return self_test_failed();
}

#else

__attribute__((always_inline)) static inline bool self_test_mlkem_pair(const struct key *key,
                                                                       const uint8_t *encapsulation_key)
{
    (void)key;
    (void)encapsulation_key;
    return true;
}

__attribute__((always_inline)) static inline void self_test_mldsa_pair(const struct key *key)
{
    (void)key;
}

__attribute__((always_inline)) static inline bool self_test_pair_failed(void)
{
    return false;
}

#endif

#endif
