/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lengths of what ML-DSA (FIPS 204, table 2) and ML-KEM (FIPS 203, table 3) answer with, in bytes. */
#ifndef CLIENT_SIZES_H
#define CLIENT_SIZES_H

#include <stddef.h>

#define SIGNATURE_44_SIZE 2420u
#define SIGNATURE_65_SIZE 3309u
#define SIGNATURE_87_SIZE 4627u

#define ENCAPSULATION_KEY_512_SIZE 800u
#define ENCAPSULATION_KEY_768_SIZE 1184u
#define ENCAPSULATION_KEY_1024_SIZE 1568u
#define CIPHERTEXT_512_SIZE 768u
#define CIPHERTEXT_768_SIZE 1088u
#define CIPHERTEXT_1024_SIZE 1568u
#define SHARED_SECRET_SIZE 32u

/* The length of a ciphertext that goes with an encapsulation key of this length; 0: no parameter set has such a key. */
static inline size_t mlkem_ciphertext_size(size_t encapsulation_key_size)
{
    switch (encapsulation_key_size) {
    case ENCAPSULATION_KEY_512_SIZE:
        return CIPHERTEXT_512_SIZE;
    case ENCAPSULATION_KEY_768_SIZE:
        return CIPHERTEXT_768_SIZE;
    case ENCAPSULATION_KEY_1024_SIZE:
        return CIPHERTEXT_1024_SIZE;
    default:
        return 0;
    }
}

#endif
