/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What both ML-DSA operations need. */
#ifndef MLDSA_KEY_H
#define MLDSA_KEY_H

#include "crypto/mldsa.h"
#include "service/key_store.h"

/* Working memory. Whoever has used it wipes it. */
extern struct mldsa_scratch mldsa_working_memory;

/* The parameters of an open ML-DSA key. */
const struct mldsa_parameters *mldsa_key_parameters(const struct key *key);

/*
 * The key pair of an open ML-DSA key that is a seed: expanded at first use, and kept as long as the key stays the same.
 * Wiped where self_test_pair_failed() says so.
 */
const struct mldsa_pair *mldsa_key_pair(const struct key *key);

#endif
