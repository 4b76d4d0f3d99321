// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ghash.h"

#include "wipe.h"

static inline uint32_t load_be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline void store_be32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

#define LANE0 0x11111111u
#define LANE1 0x22222222u
#define LANE2 0x44444444u
#define LANE3 0x88888888u

static inline __attribute__((always_inline)) uint64_t multiply(uint32_t x, const uint32_t h[4]) {
    __asm__ volatile("" : "+r"(x) : : "memory");
    const uint32_t x0 = x & LANE0, x1 = x & LANE1, x2 = x & LANE2, x3 = x & LANE3;
    const uint32_t h0 = h[0], h1 = h[1], h2 = h[2], h3 = h[3];
    uint64_t z, r;
    z = (uint64_t)x0 * h0 + (uint64_t)x1 * h3;
    z ^= (uint64_t)x2 * h2;
    z ^= (uint64_t)x3 * h1;
    r = z & 0x1111111111111111u;
    z = (uint64_t)x0 * h1 + (uint64_t)x2 * h3;
    z ^= ((uint64_t)x1 * h0 + (uint64_t)x3 * h2);
    r |= z & 0x2222222222222222u;
    z = (uint64_t)x0 * h2 + (uint64_t)x3 * h3;
    z ^= (uint64_t)x1 * h1;
    z ^= (uint64_t)x2 * h0;
    r |= z & 0x4444444444444444u;
    z = (uint64_t)x0 * h3;
    z ^= (uint64_t)x1 * h2;
    z ^= (uint64_t)x2 * h1;
    z ^= (uint64_t)x3 * h0;
    r |= z & 0x8888888888888888u;
    uint32_t lo = (uint32_t)r, hi = (uint32_t)(r >> 32);
    __asm__ volatile("" : "+r"(lo), "+r"(hi) : : "memory");
    return lo | (uint64_t)hi << 32;
}

// operands of 2-level Karatsuba: 0,1,0+1, 2,3,2+3, 02,13,0123
static inline void ghash_block(struct ghash *s, const uint8_t *p) {
    const uint32_t x3 = s->y[3] ^ load_be32(p), x2 = s->y[2] ^ load_be32(p + 4), x1 = s->y[1] ^ load_be32(p + 8), x0 = s->y[0] ^ load_be32(p + 12);
    uint64_t l, m, h, c;
    uint32_t r[8];
    l = multiply(x0, s->lane[0]); h = multiply(x1, s->lane[1]); m = multiply(x0 ^ x1, s->lane[2]) ^ l ^ h;
    r[0] = (uint32_t)l; 
    c = h ^ (l >> 32);
    uint32_t L1 = (uint32_t)(l >> 32) ^ (uint32_t)m, L2 = (uint32_t)h ^ (uint32_t)(m >> 32), L3 = (uint32_t)(h >> 32), L0 = (uint32_t)l;
    l = multiply(x2, s->lane[3]); h = multiply(x3, s->lane[4]); m = multiply(x2 ^ x3, s->lane[5]) ^ l ^ h;
    uint32_t H1 = (uint32_t)(l >> 32) ^ (uint32_t)m, H2 = (uint32_t)h ^ (uint32_t)(m >> 32), H3 = (uint32_t)(h >> 32), H0 = (uint32_t)l;
    uint32_t y0 = x0 ^ x2, y1 = x1 ^ x3;
    l = multiply(y0, s->lane[6]); h = multiply(y1, s->lane[7]); m = multiply(y0 ^ y1, s->lane[8]) ^ l ^ h;
    uint32_t M1 = (uint32_t)(l >> 32) ^ (uint32_t)m, M2 = (uint32_t)h ^ (uint32_t)(m >> 32), M3 = (uint32_t)(h >> 32), M0 = (uint32_t)l;
    (void)c;
    r[0] = L0; r[1] = L1; r[2] = L2 ^ L0 ^ H0 ^ M0; r[3] = L3 ^ L1 ^ H1 ^ M1; r[4] = H0 ^ L2 ^ H2 ^ M2; r[5] = H1 ^ L3 ^ H3 ^ M3; r[6] = H2; r[7] = H3;
    for (int i = 0; i < 4; i++) {
        uint32_t w = r[i];
        r[i + 4] ^= w ^ w >> 1 ^ w >> 2 ^ w >> 7;
        r[i + 3] ^= w << 31 ^ w << 30 ^ w << 25;
    }
    for (int i = 0; i < 4; i++) s->y[i] = r[i + 4];
}

void ghash_init(struct ghash *state, const uint8_t subkey[16]) {
    uint32_t h[4];
    for (int i = 0; i < 4; i++) h[3 - i] = load_be32(subkey + 4 * i);
    // multiply by x (POLYVAL form)
    uint32_t top = 0u - (h[3] >> 31);
    uint32_t e[9];
    e[4] = (h[3] << 1 | h[2] >> 31) ^ (top & 0xc2000000u);
    e[3] = h[2] << 1 | h[1] >> 31;
    e[1] = h[1] << 1 | h[0] >> 31;
    e[0] = h[0] << 1 ^ (top & 1);
    e[2] = e[0] ^ e[1]; e[5] = e[3] ^ e[4];
    e[6] = e[0] ^ e[3]; e[7] = e[1] ^ e[4]; e[8] = e[6] ^ e[7];
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < 4; j++) state->lane[i][j] = e[i] & LANE0 << j;
    for (int i = 0; i < 4; i++) state->y[i] = 0;
    wipe(h, sizeof h);
    wipe(e, sizeof e);
}

void ghash_update(struct ghash *state, const uint8_t *data, size_t n) {
    for (; n >= 16; n -= 16, data += 16) ghash_block(state, data);
    if (n > 0) {
        uint8_t last[16] = {0};
        for (size_t i = 0; i < n; i++) last[i] = data[i];
        ghash_block(state, last);
        wipe(last, sizeof last);
    }
}

void ghash_value(const struct ghash *state, uint8_t value[16]) {
    for (int i = 0; i < 4; i++) store_be32(value + 4 * i, state->y[3 - i]);
}
