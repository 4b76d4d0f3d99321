// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_MLKEM_ARITHMETIC_H
#define CRYPTO_MLKEM_ARITHMETIC_H

#include <stdint.h>

#if defined(__ARM_FEATURE_DSP) && !defined(MLKEM_PORTABLE)
#define MLKEM_DSP
#include <arm_acle.h>
#endif

// Arithmetic modulo q = 3329 on pairs of coefficients: a word holds two signed 16-bit numbers, the first one below.
//
// Multiplication and reduction are Plantard's (T. Plantard, "Efficient word size modular arithmetic"), for signed
// numbers and with an addend of 8 instead of 1 (J. Huang et al., "Improved Plantard arithmetic for lattice-based
// cryptography"). For |a| < 1.5 * 10^9 let p = a / q mod 2^32, signed, and p' = p >> 16. Then
//
//     r = ((p' + 8) * q) >> 16  is  -a / 2^32 mod q,  and  |r| <= (q + 1) / 2:
//
// With l = p mod 2^16, (p' + 8) * q / 2^16 is (p * q - a) / 2^32, which is a whole number and the r that is wanted,
// plus (a + (2^19 - l) * q) / 2^32, which lies between 0 and 1 and is lost in the shift.
//
// Where a is a product b * c and c a constant, c * (-2^32) / q mod 2^32 is computed beforehand (the product with -2^32
// reduced modulo q to a small number): b times that is p, and r is b * c without a factor.

enum {
    MLKEM_Q = 3329,
    PLANTARD_ADDEND = 8 * MLKEM_Q,
};

#define PLANTARD_INVERSE 1806234369u // 1 / q mod 2^32

#if defined(MLKEM_DSP)

// Bits 16 to 47 of the product of a signed word and a signed half. ACLE calls it __smulwb, but GCC 12 has it not.
static inline int32_t multiply_low_half(uint32_t word, uint32_t pair)
{
    int32_t product;
    __asm__("smulwb %0, %1, %2" : "=r"(product) : "r"(word), "r"(pair));
    return product;
}

static inline int32_t multiply_high_half(uint32_t word, uint32_t pair)
{
    int32_t product;
    __asm__("smulwt %0, %1, %2" : "=r"(product) : "r"(word), "r"(pair));
    return product;
}

// The upper halves of two words, `low` moving down.
static inline uint32_t pack_upper_halves(int32_t high, int32_t low)
{
    uint32_t pair;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(pair) : "r"(high), "r"(low));
    return pair;
}

// The lower half of `low`, the upper half of `high`.
static inline uint32_t pack_own_halves(uint32_t high, uint32_t low)
{
    uint32_t pair;
    __asm__("pkhbt %0, %1, %2" : "=r"(pair) : "r"(low), "r"(high));
    return pair;
}

// (p' + 8) * q in 32 bits, p' being the lower half: the result is its upper half.
static inline int32_t plantard_finish(int32_t p)
{
    return __smlabb(p, MLKEM_Q, PLANTARD_ADDEND);
}

// Either coefficient times the constant c, given as c * (-2^32) / q mod 2^32; any int16_t, results at most (q + 1) / 2.
static inline uint32_t pair_multiply(uint32_t pair, uint32_t constant)
{
    return pack_upper_halves(plantard_finish(multiply_high_half(constant, pair)),
                             plantard_finish(multiply_low_half(constant, pair)));
}

// The second coefficient alone times a constant.
static inline uint32_t pair_multiply_second(uint32_t pair, uint32_t constant)
{
    return pack_own_halves((uint32_t)plantard_finish(multiply_high_half(constant, pair)), pair);
}

static inline uint32_t pair_add(uint32_t a, uint32_t b)
{
    return __uadd16(a, b);
}

static inline uint32_t pair_subtract(uint32_t a, uint32_t b)
{
    return __usub16(a, b);
}

// The pair of -a / 2^32 mod q, at most (q + 1) / 2, for two sums of products below 1.5 * 10^9.
static inline uint32_t pair_reduce(int32_t first, int32_t second)
{
    int32_t p_first = (int32_t)((uint32_t)first * PLANTARD_INVERSE);
    int32_t p_second = (int32_t)((uint32_t)second * PLANTARD_INVERSE);

    return pack_upper_halves(__smlatb(p_second, MLKEM_Q, PLANTARD_ADDEND), __smlatb(p_first, MLKEM_Q, PLANTARD_ADDEND));
}

// sum + a0 * b0 + a1 * b1, sum + a0 * b0 - a1 * b1, sum + a0 * b1 + a1 * b0
static inline int32_t add_products(int32_t sum, uint32_t a, uint32_t b)
{
    return __smlad((int16x2_t)a, (int16x2_t)b, sum);
}

static inline int32_t add_product_difference(int32_t sum, uint32_t a, uint32_t b)
{
    return __smlsd((int16x2_t)a, (int16x2_t)b, sum);
}

static inline int32_t add_cross_products(int32_t sum, uint32_t a, uint32_t b)
{
    return __smladx((int16x2_t)a, (int16x2_t)b, sum);
}

#else

// The same functions in plain C; they give the same numbers.

static inline int32_t first_of(uint32_t pair)
{
    return (int16_t)(uint16_t)pair;
}

static inline int32_t second_of(uint32_t pair)
{
    return (int16_t)(uint16_t)(pair >> 16);
}

static inline uint32_t pair_of(int32_t first, int32_t second)
{
    return ((uint32_t)first & 0xffffu) | ((uint32_t)second << 16);
}

static inline int32_t plantard_finish(uint32_t p)
{
    return (second_of(p) * MLKEM_Q + PLANTARD_ADDEND) >> 16;
}

static inline uint32_t pair_multiply(uint32_t pair, uint32_t constant)
{
    return pair_of(plantard_finish(constant * (uint32_t)first_of(pair)),
                   plantard_finish(constant * (uint32_t)second_of(pair)));
}

static inline uint32_t pair_multiply_second(uint32_t pair, uint32_t constant)
{
    return pair_of(first_of(pair), plantard_finish(constant * (uint32_t)second_of(pair)));
}

static inline uint32_t pair_add(uint32_t a, uint32_t b)
{
    return pair_of(first_of(a) + first_of(b), second_of(a) + second_of(b));
}

static inline uint32_t pair_subtract(uint32_t a, uint32_t b)
{
    return pair_of(first_of(a) - first_of(b), second_of(a) - second_of(b));
}

static inline uint32_t pair_reduce(int32_t first, int32_t second)
{
    return pair_of(plantard_finish((uint32_t)first * PLANTARD_INVERSE),
                   plantard_finish((uint32_t)second * PLANTARD_INVERSE));
}

static inline int32_t add_products(int32_t sum, uint32_t a, uint32_t b)
{
    return sum + first_of(a) * first_of(b) + second_of(a) * second_of(b);
}

static inline int32_t add_product_difference(int32_t sum, uint32_t a, uint32_t b)
{
    return sum + first_of(a) * first_of(b) - second_of(a) * second_of(b);
}

static inline int32_t add_cross_products(int32_t sum, uint32_t a, uint32_t b)
{
    return sum + first_of(a) * second_of(b) + second_of(a) * first_of(b);
}

#endif

// Adds q to every negative coefficient.
static inline uint32_t pair_make_positive(uint32_t pair)
{
    return pair_add(pair, ((pair >> 15) & 0x00010001u) * MLKEM_Q);
}

#endif
