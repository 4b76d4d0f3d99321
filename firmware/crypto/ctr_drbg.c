// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctr_drbg.h"

#include "aes256.h"
#include "memory.h"
#include "wipe.h"

// reseed_interval of SP 800-90A, table 3.
#define RESEED_INTERVAL ((uint64_t)1 << 48)

// Encryptions of V + 1, V + 2, ... under Key. AES yields two blocks at a time; the second one waits in the upper half
// of `blocks` until it is asked for.
struct keystream {
    struct aes256_key schedule;
    uint8_t v[AES_BLOCK_SIZE];
    uint8_t blocks[2 * AES_BLOCK_SIZE];
    bool waiting;
};

static void keystream_init(struct keystream *stream, const uint8_t key[32], const uint8_t v[AES_BLOCK_SIZE])
{
    aes256_expand(&stream->schedule, key);
    memcpy(stream->v, v, sizeof stream->v);
    stream->waiting = false;
}

// V = (V + 1) mod 2^128, V being big-endian.
static void increment(uint8_t v[AES_BLOCK_SIZE])
{
    uint32_t carry = 1;

    for (size_t i = AES_BLOCK_SIZE; i-- > 0;) {
        carry += v[i];
        v[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static const uint8_t *next_block(struct keystream *stream)
{
    if (stream->waiting) {
        stream->waiting = false;
        return stream->blocks + AES_BLOCK_SIZE;
    }
    for (size_t i = 0; i < sizeof stream->blocks; i += AES_BLOCK_SIZE) {
        increment(stream->v);
        memcpy(stream->blocks + i, stream->v, AES_BLOCK_SIZE);
    }
    aes256_encrypt_two(&stream->schedule, stream->blocks, stream->blocks);
    stream->waiting = true;
    return stream->blocks;
}

// CTR_DRBG_Update (section 10.2.1.2). The stream stands where V stands, so that it yields the next blocks under Key.
static void update(struct ctr_drbg *drbg, struct keystream *stream, const uint8_t provided_data[CTR_DRBG_SEED_SIZE])
{
    uint8_t seed[CTR_DRBG_SEED_SIZE];

    for (size_t i = 0; i < CTR_DRBG_SEED_SIZE; i += AES_BLOCK_SIZE) {
        memcpy(seed + i, next_block(stream), AES_BLOCK_SIZE);
    }
    for (size_t i = 0; i < CTR_DRBG_SEED_SIZE; i++) {
        seed[i] ^= provided_data[i];
    }
    memcpy(drbg->key, seed, sizeof drbg->key);
    memcpy(drbg->v, seed + sizeof drbg->key, sizeof drbg->v);
    wipe(seed, sizeof seed);
}

void ctr_drbg_init(struct ctr_drbg *drbg, const uint8_t entropy[CTR_DRBG_SEED_SIZE])
{
    struct keystream stream;

    memset(drbg, 0, sizeof *drbg);
    keystream_init(&stream, drbg->key, drbg->v);
    update(drbg, &stream, entropy);
    drbg->reseed_counter = 1;
    wipe(&stream, sizeof stream);
}

bool ctr_drbg_generate(struct ctr_drbg *drbg, uint8_t *out, size_t n)
{
    static const uint8_t no_additional_input[CTR_DRBG_SEED_SIZE];
    struct keystream stream;

    if (n > CTR_DRBG_REQUEST_MAX || drbg->reseed_counter > RESEED_INTERVAL) {
        return false;
    }
    keystream_init(&stream, drbg->key, drbg->v);
    while (n > 0) {
        size_t part = n < AES_BLOCK_SIZE ? n : AES_BLOCK_SIZE;

        memcpy(out, next_block(&stream), part);
        out += part;
        n -= part;
    }
    update(drbg, &stream, no_additional_input);
    drbg->reseed_counter++;
    wipe(&stream, sizeof stream);
    return true;
}
