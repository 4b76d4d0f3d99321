// SPDX-License-Identifier: MIT OR Apache-2.0
#include "aes256.h"

#include "little_endian.h"
#include "wipe.h"

// How the state is held
//
// FIPS 197 section 3.4 arranges a block as four columns of four rows, byte 4c + r of the block being row r of column c.
// Here two blocks, b = 0 and b = 1, are sliced by the bits of their bytes: eight words, word i holding bit i of all 32
// bytes, that of row r, column c of block b at position
//
//     8r + 2c + b
//
// so that a byte of a word is a row and rotating a word to the right by 8 brings each row's successor to its place.
// Every step is then a handful of logic operations on whole words, the same ones whatever the data is: nothing is
// looked up, nothing branches. "Plane i" below is word i.
//
// ShiftRows is never carried out ("fixslicing", Adomnicai and Peyrin, TCHES 2021). Bytes stay where they are and what
// follows learns where to look instead. After k skipped ShiftRows, byte (r, c) of the true state is found in column
// c + kr (modulo 4) of row r. SubBytes does not care. MixColumns combines byte (r, c) with byte (r + 1, c): for what is
// found at (r, d), that is at (r + 1, d + k). Round keys are stored with their bytes moved in the same way. Four
// skipped make none, and only the two that remain after round 14 are made good.

// Rows 1 and 3 of a word.
#define ODD_ROWS 0xff00ff00u

// SubBytes adds 0x63 to every byte (FIPS 197 equation 5.2). MixColumns maps a column of four equal bytes v to itself,
// since (2 + 3 + 1 + 1)v = v, so that the addition can be put off until the round key, which then contains it.
#define SUB_BYTES_CONSTANT 0x63636363u

// Exchanges the bits of a under mask << shift with the bits of b under mask.
#define EXCHANGE(a, b, mask, shift)                                                                                    \
    do {                                                                                                               \
        const uint32_t difference_ = (((a) >> (shift)) ^ (b)) & (mask);                                                \
        (b) ^= difference_;                                                                                            \
        (a) ^= difference_ << (shift);                                                                                 \
    } while (0)

static inline uint32_t rotate_right(uint32_t value, unsigned n)
{
    return value >> n | value << (32 - n);
}

// Between words of columns, word 2c + b being column c of block b with row r in byte r, and planes. Both number a bit
// by its row (byte of the word), word w and bit i of the byte; w and i change places, an 8 x 8 transposition in each
// byte of the eight words. It is its own inverse: each of the three passes swaps one binary digit of w with one of i.
static inline __attribute__((always_inline)) void transpose(uint32_t q[8])
{
    for (unsigned i = 0; i < 8; i += 2) {
        EXCHANGE(q[i], q[i + 1], 0x55555555u, 1);
    }
    for (unsigned i = 0; i < 8; i += 4) {
        EXCHANGE(q[i], q[i + 2], 0x33333333u, 2);
        EXCHANGE(q[i + 1], q[i + 3], 0x33333333u, 2);
    }
    for (unsigned i = 0; i < 4; i++) {
        EXCHANGE(q[i], q[i + 4], 0x0f0f0f0fu, 4);
    }
}

// SubBytes without its constant: the circuit of 32 ANDs and 81 XORs by Boyar, Matthews and Peralta ("Logic minimization
// techniques with applications to cryptology", J. Cryptology 2013, with the later savings published by the same group),
// whose names are kept: x0 and s0 are the most significant bits; y, t, z and tc come between. Only the order is ours:
// it was searched for the fewest values alive at a time, as 12 registers hold them.
static inline __attribute__((always_inline)) void sub_bytes(uint32_t q[8])
{
    const uint32_t x0 = q[7], x1 = q[6], x2 = q[5], x3 = q[4];
    const uint32_t x4 = q[3], x5 = q[2], x6 = q[1], x7 = q[0];

    const uint32_t y14 = x3 ^ x5, y13 = x0 ^ x6, y12 = y13 ^ y14, t0 = x1 ^ x2, t1 = x4 ^ y12, y20 = t1 ^ x1,
                   y15 = t1 ^ x5, y1 = t0 ^ x7, y6 = y15 ^ x7, t2 = y12 & y15, y8 = x0 ^ x5, y5 = y1 ^ x6, y3 = y5 ^ y8,
                   t3 = y3 & y6, t4 = t3 ^ t2, y9 = x0 ^ x3, y4 = y1 ^ x3, t8 = y5 & y1, t5 = y4 & x7, t17 = t4 ^ y20;
    const uint32_t t6 = t5 ^ t2, y11 = y20 ^ y9, y10 = y15 ^ t0, t12 = y9 & y11, y19 = y10 ^ y8, t15 = y8 & y10,
                   y17 = y10 ^ y11, y16 = t0 ^ y11, t16 = t15 ^ t12, t18 = t6 ^ t16, t22 = t18 ^ y19, t13 = y14 & y17,
                   t14 = t13 ^ t12, y21 = y13 ^ y16, y7 = x7 ^ y11, t7 = y13 & y16, t9 = t8 ^ t7, t19 = t9 ^ t14,
                   t21 = t17 ^ t14, y2 = y1 ^ x0;
    const uint32_t t23 = t19 ^ y21, t10 = y2 & y7, y18 = x0 ^ y16, t11 = t10 ^ t7, t25 = t21 ^ t22, t26 = t21 & t23,
                   t20 = t11 ^ t16, t24 = t20 ^ y18, t27 = t24 ^ t26, t31 = t22 ^ t26, t30 = t23 ^ t24, t32 = t31 & t30,
                   t28 = t25 & t27, t29 = t28 ^ t22, t33 = t32 ^ t24, t35 = t27 ^ t33, t36 = t24 & t35, t34 = t23 ^ t33,
                   t42 = t29 ^ t33, z14 = t29 & y2;
    const uint32_t t38 = t27 ^ t36, t39 = t29 & t38, t37 = t36 ^ t34, t40 = t25 ^ t39, t43 = t29 ^ t40, z11 = t33 & y4,
                   t44 = t33 ^ t37, z4 = t40 & y1, z1 = t37 & y6, z2 = t33 & x7, z0 = t44 & y15, z3 = t43 & y16,
                   z5 = t29 & y7, tc4 = z0 ^ z2, tc6 = z3 ^ z4, tc5 = z1 ^ z0, t41 = t40 ^ t37, tc12 = z3 ^ z5,
                   z8 = t41 & y10, z13 = t40 & y5;
    const uint32_t z10 = t37 & y3, z12 = t43 & y13, t45 = t42 ^ t41, tc14 = tc4 ^ tc12, tc7 = z12 ^ tc4,
                   tc11 = tc6 ^ tc5, tc9 = z8 ^ tc7, z7 = t45 & y17, tc8 = z7 ^ tc6, z16 = t45 & y14, tc10 = tc8 ^ tc9,
                   z6 = t42 & y11, tc16 = z6 ^ tc8, z15 = t42 & y9, tc20 = z15 ^ tc16, tc1 = z15 ^ z16, tc2 = z10 ^ tc1,
                   tc13 = z13 ^ tc1, z9 = t44 & y12, tc18 = tc13 ^ tc14;
    const uint32_t z17 = t41 & y8, tc17 = z14 ^ tc10, tc21 = tc2 ^ z11, s6 = tc10 ^ tc18, tc3 = z9 ^ tc2,
                   s3 = tc3 ^ tc11, s0 = tc3 ^ tc16, s4 = tc14 ^ s3, tc26 = tc17 ^ tc20, s2 = tc26 ^ z17,
                   s1 = s3 ^ tc16, s7 = z12 ^ tc18, s5 = tc21 ^ tc17;

    q[7] = s0;
    q[6] = s1;
    q[5] = s2;
    q[4] = s3;
    q[3] = s4;
    q[2] = s5;
    q[1] = s6;
    q[0] = s7;
}

// The plane that has at row r, column d what the word has at row r + rows, column d + columns (both modulo 4). In each
// byte `columns` positions wrap round to the byte's other end, which after turning the whole word is one byte further.
static inline __attribute__((always_inline)) uint32_t from(uint32_t word, unsigned rows, unsigned columns)
{
    const uint32_t wrapping = ((1u << 2 * columns) - 1) * 0x01010101u;
    const uint32_t turned = columns == 0 ? word : (word & ~wrapping) ^ rotate_right(word & wrapping, 24);

    return rotate_right(turned, 8 * rows + 2 * columns);
}

// MixColumns after k = `skipped` skipped ShiftRows. With f(a) for the plane that has at (r, d) what a has at
// (r + 1, d + k), and a * 2 for multiplication by x, FIPS 197 equation 5.8 is
//
//     a' = a * 2 + f(a) * 3 + f(f(a)) + f(f(f(a)))
//        = t * 2 + f(a) + f(f(t)),    t = a + f(a)
//
// and multiplying by x moves plane i - 1 to plane i, adding plane 7 where x^8 = x^4 + x^3 + x + 1 says so.
static inline __attribute__((always_inline)) void mix_columns(uint32_t q[8], unsigned skipped)
{
    uint32_t f = from(q[7], 1, skipped);
    const uint32_t t7 = q[7] ^ f;
    uint32_t t = t7;

    for (unsigned i = 8; i-- > 0;) { // downwards, as it is plane i - 1 that plane i needs
        const uint32_t f_below = i == 0 ? 0 : from(q[i - 1], 1, skipped);
        const uint32_t t_below = i == 0 ? t7 : q[i - 1] ^ f_below;

        q[i] = f ^ t_below ^ from(t, 2, 2 * skipped % 4);
        if (i == 1 || i == 3 || i == 4) {
            q[i] ^= t7;
        }
        f = f_below;
        t = t_below;
    }
}

static inline __attribute__((always_inline)) void add_round_key(uint32_t q[8], const uint32_t key[8])
{
    for (unsigned i = 0; i < 8; i++) {
        q[i] ^= key[i];
    }
}

static inline __attribute__((always_inline)) void middle_round(uint32_t q[8], const uint32_t key[8], unsigned skipped)
{
    sub_bytes(q);
    mix_columns(q, skipped);
    add_round_key(q, key);
}

// Rounds 1 to 14 of Cipher() (FIPS 197 algorithm 1) on planes that round key 0 has been added to, back to columns.
//
// Here and in sub_word the planes live in registers, and what does not fit there wherever on the stack the compiler
// puts it: wipe() could not reach that, and taking the address of q would only move all of it to memory. Whoever calls
// into this module from outside clears the stack below his own frame.
static void encrypt_sliced(const struct aes256_key *schedule, uint32_t state[8])
{
    const uint32_t (*key)[8] = &schedule->round[1];
    uint32_t q[8];

    for (unsigned i = 0; i < 8; i++) {
        q[i] = state[i];
    }
    for (unsigned round = 1;; round += 4) {
        middle_round(q, key[0], 1);
        if (round == AES256_ROUNDS - 1) {
            break;
        }
        middle_round(q, key[1], 2);
        middle_round(q, key[2], 3);
        middle_round(q, key[3], 0);
        key += 4;
    }
    sub_bytes(q);
    add_round_key(q, key[1]);
    transpose(q);
    for (unsigned i = 0; i < 4; i++) { // the two ShiftRows still owed: columns c and c + 2 trade rows 1 and 3
        EXCHANGE(q[i], q[i + 4], ODD_ROWS, 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        state[i] = q[i];
    }
}

// SubWord() of FIPS 197 section 5.2. The planes of a single word need no packing: bit i of each byte, moved to bit 0.
static uint32_t sub_word(uint32_t word)
{
    uint32_t q[8];
    uint32_t result = SUB_BYTES_CONSTANT;

    for (unsigned i = 0; i < 8; i++) {
        q[i] = (word >> i) & 0x01010101u;
    }
    sub_bytes(q);
    for (unsigned i = 0; i < 8; i++) {
        result ^= q[i] << i;
    }
    return result;
}

// Moves byte (r, c) to (r, c + 1 * r): to where it is looked for after one more skipped ShiftRows.
static inline void follow_skipped_shift(uint32_t column[4])
{
    const uint32_t a = column[0], b = column[1], c = column[2], d = column[3];
    const uint32_t row0 = 0xffu, row1 = row0 << 8, row2 = row0 << 16, row3 = row0 << 24;

    column[0] = (a & row0) | (d & row1) | (c & row2) | (b & row3);
    column[1] = (b & row0) | (a & row1) | (d & row2) | (c & row3);
    column[2] = (c & row0) | (b & row1) | (a & row2) | (d & row3);
    column[3] = (d & row0) | (c & row1) | (b & row2) | (a & row3);
}

// Slices one round key, for both blocks.
static void slice_round_key(uint32_t plane[8], const uint32_t word[4], unsigned round)
{
    const uint32_t constant = round == 0 ? 0 : SUB_BYTES_CONSTANT;
    uint32_t column[4];

    for (unsigned c = 0; c < 4; c++) {
        column[c] = word[c] ^ constant;
    }
    for (unsigned skipped = round % 4; skipped > 0; skipped--) {
        follow_skipped_shift(column);
    }
    for (unsigned c = 0; c < 4; c++) {
        plane[2 * c] = column[c];
        plane[2 * c + 1] = column[c];
    }
    transpose(plane);
    wipe(column, sizeof column);
}

// KeyExpansion() of FIPS 197 algorithm 2 with Nk = 8. Words are little-endian here, row r in byte r, so that RotWord
// turns to the right and Rcon is in the lowest byte.
void aes256_expand(struct aes256_key *schedule, const uint8_t key[32])
{
    uint32_t word[4 * (AES256_ROUNDS + 1)];
    uint32_t rcon = 1;

    for (unsigned i = 0; i < 8; i++) {
        word[i] = load32_le(key + 4 * i);
    }
    for (unsigned i = 8; i < 4 * (AES256_ROUNDS + 1); i += 4) {
        uint32_t mixed = word[i - 1];

        if (i % 8 == 0) {
            mixed = sub_word(rotate_right(mixed, 8)) ^ rcon;
            rcon <<= 1;
        } else {
            mixed = sub_word(mixed);
        }
        for (unsigned j = i; j < i + 4; j++) {
            mixed ^= word[j - 8];
            word[j] = mixed;
        }
    }
    for (unsigned round = 0; round <= AES256_ROUNDS; round++) {
        slice_round_key(schedule->round[round], &word[4 * round], round);
    }
    wipe(word, sizeof word);
}

void aes256_encrypt_two(const struct aes256_key *schedule, const uint8_t in[32], uint8_t out[32])
{
    uint32_t q[8];

    for (unsigned c = 0; c < 4; c++) {
        q[2 * c] = load32_le(in + 4 * c);
        q[2 * c + 1] = load32_le(in + AES_BLOCK_SIZE + 4 * c);
    }
    transpose(q);
    add_round_key(q, schedule->round[0]);
    encrypt_sliced(schedule, q);
    for (unsigned c = 0; c < 4; c++) {
        store32_le(out + 4 * c, q[2 * c]);
        store32_le(out + AES_BLOCK_SIZE + 4 * c, q[2 * c + 1]);
    }
    wipe(q, sizeof q);
}

void aes256_encrypt_block(const struct aes256_key *schedule, const uint8_t in[16], uint8_t out[16])
{
    uint8_t two[2 * AES_BLOCK_SIZE];

    for (unsigned i = 0; i < AES_BLOCK_SIZE; i++) {
        two[i] = in[i];
        two[AES_BLOCK_SIZE + i] = 0;
    }
    aes256_encrypt_two(schedule, two, two);
    for (unsigned i = 0; i < AES_BLOCK_SIZE; i++) {
        out[i] = two[i];
    }
    wipe(two, sizeof two);
}

// The planes of the two blocks nonce || 0 and nonce || 1, with round key 0 added: what all counter blocks share.
static void slice_nonce(uint32_t plane[8], const struct aes256_key *schedule, const uint8_t nonce[12])
{
    for (unsigned c = 0; c < 3; c++) {
        plane[2 * c] = load32_le(nonce + 4 * c);
        plane[2 * c + 1] = plane[2 * c];
    }
    plane[6] = 0;
    plane[7] = 1u << 24; // the last bit of the second block: row 3 of column 3
    transpose(plane);
    add_round_key(plane, schedule->round[0]);
}

// The encryptions, in columns, of nonce || counter and nonce || counter + 1 for an even counter: the two differ in the
// last bit, which slice_nonce has set. The other bits are in column 3, whose positions are 8r + 6 and 8r + 7.
static void counter_pair(uint32_t q[8], const struct aes256_key *schedule, const uint32_t nonce[8], uint32_t counter)
{
    const uint32_t column = counter >> 24 | (counter >> 8 & 0xff00u) | (counter << 8 & 0xff0000u) | counter << 24;

    for (unsigned i = 0; i < 8; i++) {
        const uint32_t bits = column & 0x01010101u << i;
        q[i] = nonce[i] ^ bits << (7 - i) ^ (i == 7 ? bits >> 1 : bits << ((6 - i) & 7));
    }
    encrypt_sliced(schedule, q);
}

void aes256_ctr32(const struct aes256_key *schedule, const uint8_t nonce[12], uint32_t counter, const uint8_t *in,
                  uint8_t *out, size_t n)
{
    uint32_t plane[8]; // of the nonce
    uint32_t q[8];
    uint8_t last[2 * AES_BLOCK_SIZE];

    slice_nonce(plane, schedule, nonce);
    for (; n >= sizeof last; n -= sizeof last) {
        counter_pair(q, schedule, plane, counter);
        for (unsigned c = 0; c < 4; c++) {
            store32_le(out + 4 * c, load32_le(in + 4 * c) ^ q[2 * c]);
        }
        for (unsigned c = 0; c < 4; c++) {
            store32_le(out + AES_BLOCK_SIZE + 4 * c, load32_le(in + AES_BLOCK_SIZE + 4 * c) ^ q[2 * c + 1]);
        }
        counter += 2;
        in += sizeof last;
        out += sizeof last;
    }
    if (n > 0) {
        counter_pair(q, schedule, plane, counter);
        for (unsigned c = 0; c < 4; c++) {
            store32_le(last + 4 * c, q[2 * c]);
            store32_le(last + AES_BLOCK_SIZE + 4 * c, q[2 * c + 1]);
        }
        for (size_t i = 0; i < n; i++) {
            out[i] = in[i] ^ last[i];
        }
        wipe(last, sizeof last);
    }
    wipe(plane, sizeof plane);
    wipe(q, sizeof q);
}
