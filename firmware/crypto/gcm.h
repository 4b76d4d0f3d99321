// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_GCM_H
#define CRYPTO_GCM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// AES-256-GCM with a 96-bit nonce and a 128-bit tag (NIST SP 800-38D). Constant time in everything but the lengths. No
// pointer needs alignment, one whose length is 0 is not followed. The key is expanded inside and wiped before return.

enum { GCM_BLOCK_SIZE = 16 };

struct gcm_input {
    const uint8_t *key;   // 32 bytes
    const uint8_t *nonce; // 12 bytes
    const uint8_t *aad;
    size_t aad_length;
    const uint8_t *text; // plaintext for gcm_encrypt, ciphertext for gcm_decrypt
    size_t text_length;  // less than 2^32: the limit of 2^36 - 32 bytes of section 5.2.1.1 is out of reach on 32 bits
};

// SP 800-38D algorithm 4. Writes text_length bytes; ciphertext may be in->text.
void gcm_encrypt(const struct gcm_input *in, uint8_t *ciphertext, uint8_t tag[16]);

// SP 800-38D algorithm 5. The tag is verified before anything is decrypted: on false, plaintext is untouched. On true,
// text_length bytes were written; plaintext may be in->text.
__attribute__((warn_unused_result)) bool gcm_decrypt(const struct gcm_input *in, const uint8_t tag[16],
                                                     uint8_t *plaintext);

#endif
