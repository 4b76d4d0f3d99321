/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef MLKEM_KEY_H
#define MLKEM_KEY_H

#include "crypto/mlkem.h"
#include "service/key_store.h"

/* The parameters of an open ML-KEM key. */
static inline const struct mlkem_parameters *mlkem_key_parameters(const struct key *key)
{
    switch (key->state->parameter_set) {
    case 512:
        return &mlkem_512;
    case 768:
        return &mlkem_768;
    default: /* 1024: the key store knows no other */
        return &mlkem_1024;
    }
}

#endif
