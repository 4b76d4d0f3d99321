// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gcm.h"

#include "aes256.h"
#include "constant_time.h"
#include "ghash.h"
#include "wipe.h"

// Everything secret that one message needs, in one place so that one wipe ends it.
struct gcm {
    struct aes256_key schedule;
    struct ghash hash;
    uint8_t blocks[2 * GCM_BLOCK_SIZE]; // E(K, 0^128) = H and E(K, J0), in this order
    uint8_t tag[GCM_BLOCK_SIZE];
};

// The counter in J0 for a 96-bit nonce (SP 800-38D algorithm 4 step 2); the text starts at inc32(J0).
enum { J0_COUNTER = 1, TEXT_COUNTER = 2 };

// Steps 1 and 2 of algorithm 4: H and J0. Both blocks pass through the cipher together: that is its natural width.
static void gcm_start(struct gcm *state, const struct gcm_input *in)
{
    aes256_expand(&state->schedule, in->key);
    for (size_t i = 0; i < GCM_BLOCK_SIZE; i++) {
        state->blocks[i] = 0;
        state->blocks[GCM_BLOCK_SIZE + i] = i < 12 ? in->nonce[i] : 0;
    }
    state->blocks[2 * GCM_BLOCK_SIZE - 1] = J0_COUNTER;
    aes256_encrypt_two(&state->schedule, state->blocks, state->blocks);
    ghash_init(&state->hash, state->blocks);
}

// Writes the length in bits as 64 bits, big-endian.
static void store_bit_length(uint8_t out[8], size_t bytes)
{
    const uint64_t bits = (uint64_t)bytes * 8;

    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(bits >> (56 - 8 * i));
    }
}

// Steps 4 to 6 of algorithm 4: S = GHASH(aad || 0* || ciphertext || 0* || lengths), tag = E(K, J0) xor S.
static void gcm_tag(struct gcm *state, const struct gcm_input *in, const uint8_t *ciphertext)
{
    uint8_t lengths[GCM_BLOCK_SIZE];

    store_bit_length(lengths, in->aad_length);
    store_bit_length(lengths + 8, in->text_length);
    ghash_update(&state->hash, in->aad, in->aad_length);
    ghash_update(&state->hash, ciphertext, in->text_length);
    ghash_update(&state->hash, lengths, sizeof lengths);
    ghash_value(&state->hash, state->tag);
    for (size_t i = 0; i < GCM_BLOCK_SIZE; i++) {
        state->tag[i] ^= state->blocks[GCM_BLOCK_SIZE + i];
    }
}

void gcm_encrypt(const struct gcm_input *in, uint8_t *ciphertext, uint8_t tag[16])
{
    struct gcm state;

    gcm_start(&state, in);
    aes256_ctr32(&state.schedule, in->nonce, TEXT_COUNTER, in->text, ciphertext, in->text_length);
    gcm_tag(&state, in, ciphertext);
    for (size_t i = 0; i < GCM_BLOCK_SIZE; i++) {
        tag[i] = state.tag[i];
    }
    wipe(&state, sizeof state);
}

bool gcm_decrypt(const struct gcm_input *in, const uint8_t tag[16], uint8_t *plaintext)
{
    struct gcm state;
    bool verified = false;

    gcm_start(&state, in);
    gcm_tag(&state, in, in->text);
    if (!ct_equal(state.tag, tag, GCM_BLOCK_SIZE)) {
        goto cleanup;
    }
    aes256_ctr32(&state.schedule, in->nonce, TEXT_COUNTER, in->text, plaintext, in->text_length);
    verified = true;

cleanup:
    wipe(&state, sizeof state);
    return verified;
}
