// SPDX-License-Identifier: MIT OR Apache-2.0
#include "sha3.h"

#include "memory.h"
#include "wipe.h"

// The bits that follow the message, and the first 1 of the padding behind them (FIPS 202, sections 5.1 and 6).
enum {
    SUFFIX_SHA3 = 0x06,
    SUFFIX_SHAKE = 0x1f,
};

static void sponge_init(struct sponge *sponge, uint32_t rate)
{
    memset(&sponge->state, 0, sizeof sponge->state);
    sponge->rate = rate;
    sponge->position = 0;
}

static uint32_t smaller(size_t n, uint32_t room)
{
    return n < room ? (uint32_t)n : room;
}

static void sponge_absorb(struct sponge *sponge, const uint8_t *data, size_t n)
{
    while (n > 0) {
        uint32_t part = smaller(n, sponge->rate - sponge->position);

        keccak_add_bytes(&sponge->state, sponge->position, data, part);
        data += part;
        n -= part;
        sponge->position += part;
        if (sponge->position == sponge->rate) {
            keccak_f1600(&sponge->state);
            sponge->position = 0;
        }
    }
}

// Pads; the permutation is left to the first squeeze, which finds the block used up.
static void sponge_finish(struct sponge *sponge, uint8_t suffix)
{
    static const uint8_t last_bit = 0x80;

    keccak_add_bytes(&sponge->state, sponge->position, &suffix, 1);
    keccak_add_bytes(&sponge->state, sponge->rate - 1, &last_bit, 1);
    sponge->position = sponge->rate;
}

static void sponge_squeeze(struct sponge *sponge, uint8_t *out, size_t n)
{
    while (n > 0) {
        if (sponge->position == sponge->rate) {
            keccak_f1600(&sponge->state);
            sponge->position = 0;
        }

        uint32_t part = smaller(n, sponge->rate - sponge->position);
        keccak_extract_bytes(&sponge->state, sponge->position, out, part);
        out += part;
        n -= part;
        sponge->position += part;
    }
}

void shake128_init(struct shake *shake)
{
    sponge_init(&shake->sponge, SHAKE128_RATE);
}

void shake256_init(struct shake *shake)
{
    sponge_init(&shake->sponge, SHAKE256_RATE);
}

void shake_absorb(struct shake *shake, const uint8_t *data, size_t n)
{
    sponge_absorb(&shake->sponge, data, n);
}

void shake_finish(struct shake *shake)
{
    sponge_finish(&shake->sponge, SUFFIX_SHAKE);
}

void shake_squeeze(struct shake *shake, uint8_t *out, size_t n)
{
    sponge_squeeze(&shake->sponge, out, n);
}

// The capacity is twice the digest size (FIPS 202, section 6.1), the rate what remains of the state.
static uint32_t hash_rate(uint32_t digest_size)
{
    return KECCAK_STATE_SIZE - 2 * digest_size;
}

void sha3_256_init(struct sha3 *sha3)
{
    sponge_init(&sha3->sponge, hash_rate(SHA3_256_SIZE));
}

void sha3_512_init(struct sha3 *sha3)
{
    sponge_init(&sha3->sponge, hash_rate(SHA3_512_SIZE));
}

void sha3_absorb(struct sha3 *sha3, const uint8_t *data, size_t n)
{
    sponge_absorb(&sha3->sponge, data, n);
}

void sha3_final(struct sha3 *sha3, uint8_t *digest)
{
    sponge_finish(&sha3->sponge, SUFFIX_SHA3);
    sponge_squeeze(&sha3->sponge, digest, (KECCAK_STATE_SIZE - sha3->sponge.rate) / 2);
    wipe(sha3, sizeof *sha3);
}

void sha3_256(uint8_t digest[SHA3_256_SIZE], const uint8_t *data, size_t n)
{
    struct sha3 sha3;

    sha3_256_init(&sha3);
    sha3_absorb(&sha3, data, n);
    sha3_final(&sha3, digest);
}

void sha3_512(uint8_t digest[SHA3_512_SIZE], const uint8_t *data, size_t n)
{
    struct sha3 sha3;

    sha3_512_init(&sha3);
    sha3_absorb(&sha3, data, n);
    sha3_final(&sha3, digest);
}
