// SPDX-License-Identifier: MIT OR Apache-2.0
#include "aes256.h"

#include "wipe.h"

static inline __attribute__((always_inline)) void sub_bytes(uint32_t q[8]) {
    const uint32_t x0 = q[7], x1 = q[6], x2 = q[5], x3 = q[4], x4 = q[3], x5 = q[2], x6 = q[1], x7 = q[0];
    uint32_t y14 = x3 ^ x5;
    __asm__("" : "+r"(y14));
    uint32_t y13 = x0 ^ x6;
    __asm__("" : "+r"(y13));
    uint32_t y12 = y13 ^ y14;
    __asm__("" : "+r"(y12));
    uint32_t t0 = x1 ^ x2;
    __asm__("" : "+r"(t0));
    uint32_t t1 = x4 ^ y12;
    __asm__("" : "+r"(t1));
    uint32_t y20 = t1 ^ x1;
    __asm__("" : "+r"(y20));
    uint32_t y15 = t1 ^ x5;
    __asm__("" : "+r"(y15));
    uint32_t y1 = t0 ^ x7;
    __asm__("" : "+r"(y1));
    uint32_t y6 = y15 ^ x7;
    __asm__("" : "+r"(y6));
    uint32_t t2 = y12 & y15;
    __asm__("" : "+r"(t2));
    uint32_t y8 = x0 ^ x5;
    __asm__("" : "+r"(y8));
    uint32_t y5 = y1 ^ x6;
    __asm__("" : "+r"(y5));
    uint32_t y3 = y5 ^ y8;
    __asm__("" : "+r"(y3));
    uint32_t t3 = y3 & y6;
    __asm__("" : "+r"(t3));
    uint32_t t4 = t3 ^ t2;
    __asm__("" : "+r"(t4));
    uint32_t y9 = x0 ^ x3;
    __asm__("" : "+r"(y9));
    uint32_t y4 = y1 ^ x3;
    __asm__("" : "+r"(y4));
    uint32_t t8 = y5 & y1;
    __asm__("" : "+r"(t8));
    uint32_t t5 = y4 & x7;
    __asm__("" : "+r"(t5));
    uint32_t t17 = t4 ^ y20;
    __asm__("" : "+r"(t17));
    uint32_t t6 = t5 ^ t2;
    __asm__("" : "+r"(t6));
    uint32_t y11 = y20 ^ y9;
    __asm__("" : "+r"(y11));
    uint32_t y10 = y15 ^ t0;
    __asm__("" : "+r"(y10));
    uint32_t t12 = y9 & y11;
    __asm__("" : "+r"(t12));
    uint32_t y19 = y10 ^ y8;
    __asm__("" : "+r"(y19));
    uint32_t t15 = y8 & y10;
    __asm__("" : "+r"(t15));
    uint32_t y17 = y10 ^ y11;
    __asm__("" : "+r"(y17));
    uint32_t y16 = t0 ^ y11;
    __asm__("" : "+r"(y16));
    uint32_t t16 = t15 ^ t12;
    __asm__("" : "+r"(t16));
    uint32_t t18 = t6 ^ t16;
    __asm__("" : "+r"(t18));
    uint32_t t22 = t18 ^ y19;
    __asm__("" : "+r"(t22));
    uint32_t t13 = y14 & y17;
    __asm__("" : "+r"(t13));
    uint32_t t14 = t13 ^ t12;
    __asm__("" : "+r"(t14));
    uint32_t y21 = y13 ^ y16;
    __asm__("" : "+r"(y21));
    uint32_t y7 = x7 ^ y11;
    __asm__("" : "+r"(y7));
    uint32_t t7 = y13 & y16;
    __asm__("" : "+r"(t7));
    uint32_t t9 = t8 ^ t7;
    __asm__("" : "+r"(t9));
    uint32_t t19 = t9 ^ t14;
    __asm__("" : "+r"(t19));
    uint32_t t21 = t17 ^ t14;
    __asm__("" : "+r"(t21));
    uint32_t y2 = y1 ^ x0;
    __asm__("" : "+r"(y2));
    uint32_t t23 = t19 ^ y21;
    __asm__("" : "+r"(t23));
    uint32_t t10 = y2 & y7;
    __asm__("" : "+r"(t10));
    uint32_t y18 = x0 ^ y16;
    __asm__("" : "+r"(y18));
    uint32_t t11 = t10 ^ t7;
    __asm__("" : "+r"(t11));
    uint32_t t25 = t21 ^ t22;
    __asm__("" : "+r"(t25));
    uint32_t t26 = t21 & t23;
    __asm__("" : "+r"(t26));
    uint32_t t20 = t11 ^ t16;
    __asm__("" : "+r"(t20));
    uint32_t t24 = t20 ^ y18;
    __asm__("" : "+r"(t24));
    uint32_t t27 = t24 ^ t26;
    __asm__("" : "+r"(t27));
    uint32_t t31 = t22 ^ t26;
    __asm__("" : "+r"(t31));
    uint32_t t30 = t23 ^ t24;
    __asm__("" : "+r"(t30));
    uint32_t t32 = t31 & t30;
    __asm__("" : "+r"(t32));
    uint32_t t28 = t25 & t27;
    __asm__("" : "+r"(t28));
    uint32_t t29 = t28 ^ t22;
    __asm__("" : "+r"(t29));
    uint32_t t33 = t32 ^ t24;
    __asm__("" : "+r"(t33));
    uint32_t t35 = t27 ^ t33;
    __asm__("" : "+r"(t35));
    uint32_t t36 = t24 & t35;
    __asm__("" : "+r"(t36));
    uint32_t t34 = t23 ^ t33;
    __asm__("" : "+r"(t34));
    uint32_t t42 = t29 ^ t33;
    __asm__("" : "+r"(t42));
    uint32_t z14 = t29 & y2;
    __asm__("" : "+r"(z14));
    uint32_t t38 = t27 ^ t36;
    __asm__("" : "+r"(t38));
    uint32_t t39 = t29 & t38;
    __asm__("" : "+r"(t39));
    uint32_t t37 = t36 ^ t34;
    __asm__("" : "+r"(t37));
    uint32_t t40 = t25 ^ t39;
    __asm__("" : "+r"(t40));
    uint32_t t43 = t29 ^ t40;
    __asm__("" : "+r"(t43));
    uint32_t z11 = t33 & y4;
    __asm__("" : "+r"(z11));
    uint32_t t44 = t33 ^ t37;
    __asm__("" : "+r"(t44));
    uint32_t z4 = t40 & y1;
    __asm__("" : "+r"(z4));
    uint32_t z1 = t37 & y6;
    __asm__("" : "+r"(z1));
    uint32_t z2 = t33 & x7;
    __asm__("" : "+r"(z2));
    uint32_t z0 = t44 & y15;
    __asm__("" : "+r"(z0));
    uint32_t z3 = t43 & y16;
    __asm__("" : "+r"(z3));
    uint32_t z5 = t29 & y7;
    __asm__("" : "+r"(z5));
    uint32_t tc4 = z0 ^ z2;
    __asm__("" : "+r"(tc4));
    uint32_t tc6 = z3 ^ z4;
    __asm__("" : "+r"(tc6));
    uint32_t tc5 = z1 ^ z0;
    __asm__("" : "+r"(tc5));
    uint32_t t41 = t40 ^ t37;
    __asm__("" : "+r"(t41));
    uint32_t tc12 = z3 ^ z5;
    __asm__("" : "+r"(tc12));
    uint32_t z8 = t41 & y10;
    __asm__("" : "+r"(z8));
    uint32_t z13 = t40 & y5;
    __asm__("" : "+r"(z13));
    uint32_t z10 = t37 & y3;
    __asm__("" : "+r"(z10));
    uint32_t z12 = t43 & y13;
    __asm__("" : "+r"(z12));
    uint32_t t45 = t42 ^ t41;
    __asm__("" : "+r"(t45));
    uint32_t tc14 = tc4 ^ tc12;
    __asm__("" : "+r"(tc14));
    uint32_t tc7 = z12 ^ tc4;
    __asm__("" : "+r"(tc7));
    uint32_t tc11 = tc6 ^ tc5;
    __asm__("" : "+r"(tc11));
    uint32_t tc9 = z8 ^ tc7;
    __asm__("" : "+r"(tc9));
    uint32_t z7 = t45 & y17;
    __asm__("" : "+r"(z7));
    uint32_t tc8 = z7 ^ tc6;
    __asm__("" : "+r"(tc8));
    uint32_t z16 = t45 & y14;
    __asm__("" : "+r"(z16));
    uint32_t tc10 = tc8 ^ tc9;
    __asm__("" : "+r"(tc10));
    uint32_t z6 = t42 & y11;
    __asm__("" : "+r"(z6));
    uint32_t tc16 = z6 ^ tc8;
    __asm__("" : "+r"(tc16));
    uint32_t z15 = t42 & y9;
    __asm__("" : "+r"(z15));
    uint32_t tc20 = z15 ^ tc16;
    __asm__("" : "+r"(tc20));
    uint32_t tc1 = z15 ^ z16;
    __asm__("" : "+r"(tc1));
    uint32_t tc2 = z10 ^ tc1;
    __asm__("" : "+r"(tc2));
    uint32_t tc13 = z13 ^ tc1;
    __asm__("" : "+r"(tc13));
    uint32_t z9 = t44 & y12;
    __asm__("" : "+r"(z9));
    uint32_t tc18 = tc13 ^ tc14;
    __asm__("" : "+r"(tc18));
    uint32_t z17 = t41 & y8;
    __asm__("" : "+r"(z17));
    uint32_t tc17 = z14 ^ tc10;
    __asm__("" : "+r"(tc17));
    uint32_t tc21 = tc2 ^ z11;
    __asm__("" : "+r"(tc21));
    uint32_t S6 = tc10 ^ tc18;
    __asm__("" : "+r"(S6));
    uint32_t tc3 = z9 ^ tc2;
    __asm__("" : "+r"(tc3));
    uint32_t S3 = tc3 ^ tc11;
    __asm__("" : "+r"(S3));
    uint32_t S0 = tc3 ^ tc16;
    __asm__("" : "+r"(S0));
    uint32_t S4 = tc14 ^ S3;
    __asm__("" : "+r"(S4));
    uint32_t tc26 = tc17 ^ tc20;
    __asm__("" : "+r"(tc26));
    uint32_t S2 = tc26 ^ z17;
    __asm__("" : "+r"(S2));
    uint32_t S1 = S3 ^ tc16;
    __asm__("" : "+r"(S1));
    uint32_t S7 = z12 ^ tc18;
    __asm__("" : "+r"(S7));
    uint32_t S5 = tc21 ^ tc17;
    __asm__("" : "+r"(S5));
    q[7] = S0; q[6] = S1; q[5] = S2; q[4] = S3; q[3] = S4; q[2] = S5; q[1] = S6; q[0] = S7;
}

static inline uint32_t load_le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void store_le32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)(v >> 16);
    p[3] = (uint8_t)(v >> 24);
}

static inline uint32_t ror(uint32_t v, unsigned n) { return v >> n | v << (32 - n); }

#define SWAP(a, b, mask, n) do { uint32_t t_ = ((a) >> (n) ^ (b)) & (mask); (b) ^= t_; (a) ^= t_ << (n); } while (0)

static inline void transpose(uint32_t q[8]) {
    SWAP(q[0], q[1], 0x55555555u, 1);
    SWAP(q[2], q[3], 0x55555555u, 1);
    SWAP(q[4], q[5], 0x55555555u, 1);
    SWAP(q[6], q[7], 0x55555555u, 1);
    SWAP(q[0], q[2], 0x33333333u, 2);
    SWAP(q[1], q[3], 0x33333333u, 2);
    SWAP(q[4], q[6], 0x33333333u, 2);
    SWAP(q[5], q[7], 0x33333333u, 2);
    SWAP(q[0], q[4], 0x0f0f0f0fu, 4);
    SWAP(q[1], q[5], 0x0f0f0f0fu, 4);
    SWAP(q[2], q[6], 0x0f0f0f0fu, 4);
    SWAP(q[3], q[7], 0x0f0f0f0fu, 4);
}

// each byte of w rotated right by n bits (n = 0, 2, 4, 6)
static inline uint32_t rotate_columns(uint32_t w, unsigned n) {
    const uint32_t low = (0xffu >> n) * 0x01010101u;
    return n == 0 ? w : (w >> n & low) | (w << (8 - n) & ~low);
}

static inline __attribute__((always_inline)) void mix_columns(uint32_t q[8], unsigned k) {
    uint32_t g = ror(rotate_columns(q[7], 2 * k), 8);
    const uint32_t t7 = q[7] ^ g;
    uint32_t t = t7;
    for (int i = 7; i >= 0; i--) {
        uint32_t g1 = 0, t1 = t7;
        if (i > 0) {
            g1 = ror(rotate_columns(q[i - 1], 2 * k), 8);
            t1 = q[i - 1] ^ g1;
        }
        uint32_t d = t1 ^ g ^ ror(rotate_columns(t, 4 * k & 7), 16);
        if (i == 1 || i == 3 || i == 4) d ^= t7;
        q[i] = d;
        g = g1; t = t1;
    }
}

static inline void add_round_key(uint32_t q[8], const uint32_t key[8]) {
    for (int i = 0; i < 8; i++) q[i] ^= key[i];
}

static uint32_t sub_word(uint32_t w) {
    uint32_t q[8], r = 0;
    for (int i = 0; i < 8; i++) q[i] = w >> i & 0x01010101u;
    sub_bytes(q);
    for (int i = 0; i < 8; i++) r |= q[i] << i;
    return r ^ 0x63636363u;
}

void aes256_expand(struct aes256_key *schedule, const uint8_t key[32]) {
    uint32_t w[4 * (AES256_ROUNDS + 1)];
    for (int i = 0; i < 8; i++) w[i] = load_le32(key + 4 * i);
    uint32_t rcon = 1;
    for (int i = 8; i < 60; i++) {
        uint32_t t = w[i - 1];
        if (i % 8 == 0) { t = sub_word(ror(t, 8)) ^ rcon; rcon <<= 1; }
        else if (i % 8 == 4) t = sub_word(t);
        w[i] = w[i - 8] ^ t;
    }
    for (unsigned r = 0; r <= 14; r++) {
        uint32_t *q = schedule->round[r];
        for (unsigned c = 0; c < 4; c++) q[2 * c] = q[2 * c + 1] = w[4 * r + c] ^ (r ? 0x63636363u : 0);
        transpose(q);
        for (int i = 0; i < 8; i++) {
            uint32_t v = 0;
            for (unsigned row = 0; row < 4; row++) {
                unsigned n = 2 * row * r & 7;
                uint32_t b = q[i] >> 8 * row & 0xff;
                b = (b << n | b >> (8 - n)) & 0xff;
                v |= b << 8 * row;
            }
            q[i] = v;
        }
    }
    wipe(w, sizeof w);
}

static void encrypt_sliced(const struct aes256_key *schedule, uint32_t out[8]) {
    uint32_t q[8];
    for (int i = 0; i < 8; i++) q[i] = out[i];
    const uint32_t (*key)[8] = schedule->round;
    add_round_key(q, *key++);
    for (int r = 0;; r++) {
        sub_bytes(q); mix_columns(q, 1); add_round_key(q, *key++);
        sub_bytes(q);
        if (r == 3) break;
        mix_columns(q, 2); add_round_key(q, *key++);
        sub_bytes(q); mix_columns(q, 3); add_round_key(q, *key++);
        sub_bytes(q); mix_columns(q, 0); add_round_key(q, *key++);
    }
    add_round_key(q, *key);
    transpose(q);
    SWAP(q[0], q[4], 0xff00ff00u, 0);
    SWAP(q[1], q[5], 0xff00ff00u, 0);
    SWAP(q[2], q[6], 0xff00ff00u, 0);
    SWAP(q[3], q[7], 0xff00ff00u, 0);
    for (int i = 0; i < 8; i++) out[i] = q[i];
}

void aes256_encrypt_two(const struct aes256_key *schedule, const uint8_t in[32], uint8_t out[32]) {
    uint32_t q[8];
    for (unsigned c = 0; c < 4; c++) {
        q[2 * c] = load_le32(in + 4 * c);
        q[2 * c + 1] = load_le32(in + 16 + 4 * c);
    }
    transpose(q);
    encrypt_sliced(schedule, q);
    for (unsigned c = 0; c < 4; c++) {
        store_le32(out + 4 * c, q[2 * c]);
        store_le32(out + 16 + 4 * c, q[2 * c + 1]);
    }
    wipe(q, sizeof q);
}

void aes256_encrypt_block(const struct aes256_key *schedule, const uint8_t in[16], uint8_t out[16]) {
    uint8_t two[32];
    for (int i = 0; i < 16; i++) two[i] = two[16 + i] = in[i];
    aes256_encrypt_two(schedule, two, two);
    for (int i = 0; i < 16; i++) out[i] = two[i];
    wipe(two, sizeof two);
}

void aes256_ctr32(const struct aes256_key *schedule, const uint8_t nonce[12], uint32_t counter, const uint8_t *in,
                  uint8_t *out, size_t n) {
    uint8_t two[32];
    while (n > 0) {
        for (int i = 0; i < 12; i++) two[i] = two[16 + i] = nonce[i];
        for (int i = 0; i < 4; i++) {
            two[12 + i] = (uint8_t)(counter >> (24 - 8 * i));
            two[28 + i] = (uint8_t)((counter + 1) >> (24 - 8 * i));
        }
        counter += 2;
        aes256_encrypt_two(schedule, two, two);
        size_t m = n < 32 ? n : 32;
        for (size_t i = 0; i < m; i++) out[i] = in[i] ^ two[i];
        in += m; out += m; n -= m;
    }
    wipe(two, sizeof two);
}
