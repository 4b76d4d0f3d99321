// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_MLKEM_H
#define CRYPTO_MLKEM_H

#include <stdbool.h>
#include <stdint.h>

// ML-KEM (FIPS 203) with its three parameter sets. Randomness is an argument: these are the "internal" functions of
// section 6, and the input checks of section 7 on their own. Nothing depends on secrets in branches or addresses.
// Stack: below 8 KiB.

// A parameter set (FIPS 203, tables 2 and 3), sizes in bytes. eta_2 is 2 in all.
struct mlkem_parameters {
    uint8_t k;
    uint8_t eta1;
    uint8_t du;
    uint8_t dv;
    uint16_t ek_size;
    uint16_t dk_size;
    uint16_t ct_size;
};

extern const struct mlkem_parameters mlkem_512;
extern const struct mlkem_parameters mlkem_768;
extern const struct mlkem_parameters mlkem_1024;

enum {
    MLKEM_EK_MAX = 1568,
    MLKEM_DK_MAX = 3168,
    MLKEM_CT_MAX = 1568,
    MLKEM_SS_SIZE = 32,
};

// ML-KEM.KeyGen_internal (algorithm 16): ek_size bytes of encapsulation key, dk_size bytes of decapsulation key.
void mlkem_keygen(const struct mlkem_parameters *p, const uint8_t d[32], const uint8_t z[32], uint8_t *ek, uint8_t *dk);

// The modulus check of section 7.2: whether every coefficient in ek is below q. The caller has checked the length.
__attribute__((warn_unused_result)) bool mlkem_check_ek(const struct mlkem_parameters *p, const uint8_t *ek);

// The hash check of section 7.3: whether dk holds the hash of the encapsulation key in it. For keys that come from
// elsewhere.
__attribute__((warn_unused_result)) bool mlkem_check_dk(const struct mlkem_parameters *p, const uint8_t *dk);

// ML-KEM.Encaps_internal (algorithm 17) for a checked ek: ct_size bytes of ciphertext, 32 bytes of shared secret.
void mlkem_encaps(const struct mlkem_parameters *p, const uint8_t *ek, const uint8_t m[32], uint8_t *ct,
                  uint8_t ss[MLKEM_SS_SIZE]);

// ML-KEM.Decaps_internal (algorithm 18). A ciphertext that was not made with this key gives a pseudo-random secret.
void mlkem_decaps(const struct mlkem_parameters *p, const uint8_t *dk, const uint8_t *ct, uint8_t ss[MLKEM_SS_SIZE]);

#endif
