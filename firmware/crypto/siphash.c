// SPDX-License-Identifier: MIT OR Apache-2.0
#include "siphash.h"

#include "wipe.h"

enum {
    COMPRESSION_ROUNDS = 2,
    FINAL_ROUNDS = 4,
};

// What sets the 128-bit variant apart from the 64-bit one, at the start, before the first half and before the second.
enum {
    WIDE_START = 0xee,
    WIDE_FIRST = 0xee,
    WIDE_SECOND = 0xdd,
};

struct siphash_state {
    uint64_t v0;
    uint64_t v1;
    uint64_t v2;
    uint64_t v3;
};

static uint64_t rotate(uint64_t value, unsigned left)
{
    return (value << left) | (value >> (64 - left));
}

// The first n bytes at p, at most 8, as a little-endian number.
static uint64_t load(const uint8_t *p, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++) {
        value |= (uint64_t)p[i] << (8 * i);
    }
    return value;
}

static void store64(uint8_t *p, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        p[i] = (uint8_t)(value >> (8 * i));
    }
}

static void mix(struct siphash_state *s, unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

static void compress(struct siphash_state *s, uint64_t word)
{
    s->v3 ^= word;
    mix(s, COMPRESSION_ROUNDS);
    s->v0 ^= word;
}

void siphash24_128(uint8_t hash[16], const uint8_t key[16], const uint8_t *data, size_t n)
{
    uint64_t k0 = load(key, 8);
    uint64_t k1 = load(key + 8, 8);
    // "somepseudorandomlygeneratedbytes", the initial state of the paper
    struct siphash_state s = {
        .v0 = k0 ^ 0x736f6d6570736575u,
        .v1 = k1 ^ 0x646f72616e646f6du ^ WIDE_START,
        .v2 = k0 ^ 0x6c7967656e657261u,
        .v3 = k1 ^ 0x7465646279746573u,
    };
    uint64_t length = (uint64_t)(n & 0xffu) << 56;

    for (; n >= 8; n -= 8) {
        compress(&s, load(data, 8));
        data += 8;
    }
    compress(&s, length | load(data, n));

    s.v2 ^= WIDE_FIRST;
    mix(&s, FINAL_ROUNDS);
    store64(hash, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
    s.v1 ^= WIDE_SECOND;
    mix(&s, FINAL_ROUNDS);
    store64(hash + 8, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
    wipe(&s, sizeof s);
}
