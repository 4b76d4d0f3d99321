// SPDX-License-Identifier: MIT OR Apache-2.0
#include "mldsa_ntt.h"

#include "little_endian.h"

// FIPS 204, appendix B: 1753^BitRev8(k) modulo q, times R, in (-q / 2, q / 2). Number 0 is not used.
static const int32_t zetas[MLDSA_N] = {
    0,        25847,    -2608894, -518909,  237124,   -777960,  -876248,  466468,   1826347,  2353451,  -359251,
    -2091905, 3119733,  -2884855, 3111497,  2680103,  2725464,  1024112,  -1079900, 3585928,  -549488,  -1119584,
    2619752,  -2108549, -2118186, -3859737, -1399561, -3277672, 1757237,  -19422,   4010497,  280005,   2706023,
    95776,    3077325,  3530437,  -1661693, -3592148, -2537516, 3915439,  -3861115, -3043716, 3574422,  -2867647,
    3539968,  -300467,  2348700,  -539299,  -1699267, -1643818, 3505694,  -3821735, 3507263,  -2140649, -1600420,
    3699596,  811944,   531354,   954230,   3881043,  3900724,  -2556880, 2071892,  -2797779, -3930395, -1528703,
    -3677745, -3041255, -1452451, 3475950,  2176455,  -1585221, -1257611, 1939314,  -4083598, -1000202, -3190144,
    -3157330, -3632928, 126922,   3412210,  -983419,  2147896,  2715295,  -2967645, -3693493, -411027,  -2477047,
    -671102,  -1228525, -22981,   -1308169, -381987,  1349076,  1852771,  -1430430, -3343383, 264944,   508951,
    3097992,  44288,    -1100098, 904516,   3958618,  -3724342, -8578,    1653064,  -3249728, 2389356,  -210977,
    759969,   -1316856, 189548,   -3553272, 3159746,  -1851402, -2409325, -177440,  1315589,  1341330,  1285669,
    -1584928, -812732,  -1439742, -3019102, -3881060, -3628969, 3839961,  2091667,  3407706,  2316500,  3817976,
    -3342478, 2244091,  -2446433, -3562462, 266997,   2434439,  -1235728, 3513181,  -3520352, -3759364, -1197226,
    -3193378, 900702,   1859098,  909542,   819034,   495491,   -1613174, -43260,   -522500,  -655327,  -3122442,
    2031748,  3207046,  -3556995, -525098,  -768622,  -3595838, 342297,   286988,   -2437823, 4108315,  3437287,
    -3342277, 1735879,  203044,   2842341,  2691481,  -2590150, 1265009,  4055324,  1247620,  2486353,  1595974,
    -3767016, 1250494,  2635921,  -3548272, -2994039, 1869119,  1903435,  -1050970, -1333058, 1237275,  -3318210,
    -1430225, -451100,  1312455,  3306115,  -1962642, -1279661, 1917081,  -2546312, -1374803, 1500165,  777191,
    2235880,  3406031,  -542412,  -2831860, -1671176, -1846953, -2584293, -3724270, 594136,   -3776993, -2013608,
    2432395,  2454455,  -164721,  1957272,  3369112,  185531,   -1207385, -3183426, 162844,   1616392,  3014001,
    810149,   1652634,  -3694233, -1799107, -3038916, 3523897,  3866901,  269760,   2213111,  -975884,  1717735,
    472078,   -426683,  1723600,  -1803090, 1910376,  -1667432, -1104333, -260646,  -3833893, -2939036, -2235985,
    -420899,  -2286327, 183443,   -976891,  1612842,  -3545687, -554416,  3919660,  -48306,   -1362209, 3937738,
    1400424,  -846154,  1976782,
};

// R^2 / 256 modulo q, and the same times zeta number 1: the last factor of the inverse transform, merged with the
// multiplications of its last layer.
enum {
    INVERSE_FACTOR = 41978,
    INVERSE_FACTOR_ZETA = -3975713,
};

// A sum of products. Two words rather than one int64_t: compilers keep those in pairs of registers, for which there are
// too few. For the same reason the steps that everything is made of are also written by hand; defining MLDSA_PORTABLE
// keeps to C. The volatile keeps products in their order, or all their factors would be loaded first, and spilled.
struct sum {
    uint32_t low;
    int32_t high;
};

#if (defined(__ARM_ARCH_7EM__) || defined(__ARM_ARCH_8M_MAIN__)) && !defined(MLDSA_PORTABLE)

static inline __attribute__((always_inline)) void accumulate(struct sum *sum, int32_t a, int32_t b)
{
    __asm__ volatile("smlal %[low], %[high], %[a], %[b]"
                     : [low] "+r"(sum->low), [high] "+r"(sum->high)
                     : [a] "r"(a), [b] "r"(b));
}

static inline __attribute__((always_inline)) int32_t reduce(struct sum *sum)
{
    uint32_t factor;

    __asm__("mul %[factor], %[low], %[inverse]\n\t"
            "smlal %[low], %[high], %[factor], %[q]"
            : [low] "+r"(sum->low), [high] "+r"(sum->high), [factor] "=&r"(factor)
            : [inverse] "r"(MLDSA_MINUS_Q_INVERSE), [q] "r"(MLDSA_Q));
    return sum->high;
}

// FIPS 204, algorithm 41, lines 10 to 12.
static inline __attribute__((always_inline)) void butterfly(int32_t *a, int32_t *b, int32_t zeta)
{
    uint32_t low;
    uint32_t factor;

    __asm__("smull %[low], %[b], %[b], %[zeta]\n\t"
            "mul %[factor], %[low], %[inverse]\n\t"
            "smlal %[low], %[b], %[factor], %[q]\n\t"
            "add %[a], %[a], %[b]\n\t"
            "sub %[b], %[a], %[b], lsl #1"
            : [a] "+&r"(*a), [b] "+&r"(*b), [low] "=&r"(low), [factor] "=&r"(factor)
            : [zeta] "r"(zeta), [inverse] "r"(MLDSA_MINUS_Q_INVERSE), [q] "r"(MLDSA_Q));
}

// FIPS 204, algorithm 42, lines 10 to 13; the sign of zeta is in the difference.
static inline __attribute__((always_inline)) void inverse_butterfly(int32_t *a, int32_t *b, int32_t zeta)
{
    uint32_t low;
    uint32_t factor;

    __asm__("sub %[factor], %[b], %[a]\n\t"
            "add %[a], %[a], %[b]\n\t"
            "smull %[low], %[b], %[factor], %[zeta]\n\t"
            "mul %[factor], %[low], %[inverse]\n\t"
            "smlal %[low], %[b], %[factor], %[q]"
            : [a] "+&r"(*a), [b] "+&r"(*b), [low] "=&r"(low), [factor] "=&r"(factor)
            : [zeta] "r"(zeta), [inverse] "r"(MLDSA_MINUS_Q_INVERSE), [q] "r"(MLDSA_Q));
}

#else

static inline void accumulate(struct sum *sum, int32_t a, int32_t b)
{
    int64_t total = (int64_t)((uint64_t)(uint32_t)sum->high << 32 | sum->low) + (int64_t)a * b;

    sum->low = (uint32_t)total;
    sum->high = (int32_t)(total >> 32);
}

static inline int32_t reduce(struct sum *sum)
{
    return mldsa_reduce((int64_t)((uint64_t)(uint32_t)sum->high << 32 | sum->low));
}

static inline void butterfly(int32_t *a, int32_t *b, int32_t zeta)
{
    int32_t product = mldsa_multiply(*b, zeta);

    *b = *a - product;
    *a = *a + product;
}

static inline void inverse_butterfly(int32_t *a, int32_t *b, int32_t zeta)
{
    int32_t difference = *b - *a;

    *a = *a + *b;
    *b = mldsa_multiply(difference, zeta);
}

#endif

// Two layers at once, the first of which consists of `blocks` blocks: each coefficient is loaded and stored once. Every
// layer adds at most q / 2 + |b zeta| / R < 0.51 q.
static inline __attribute__((always_inline)) void two_layers(int32_t *out, const int32_t *in, size_t blocks)
{
    const size_t quarter = MLDSA_N / 4 / blocks;

    for (size_t block = 0; block < blocks; block++) {
        int32_t zeta = zetas[blocks + block];
        int32_t zeta_low = zetas[2 * (blocks + block)];
        int32_t zeta_high = zetas[2 * (blocks + block) + 1];

#pragma GCC unroll 1
        for (size_t i = 0; i < quarter; i++) {
            int32_t a = in[0];
            int32_t b = in[quarter];
            int32_t c = in[2 * quarter];
            int32_t d = in[3 * quarter];

            butterfly(&a, &c, zeta);
            butterfly(&b, &d, zeta);
            butterfly(&a, &b, zeta_low);
            butterfly(&c, &d, zeta_high);
            out[0] = a;
            out[quarter] = b;
            out[2 * quarter] = c;
            out[3 * quarter] = d;
            in++;
            out++;
        }
        in += 3 * quarter;
        out += 3 * quarter;
    }
}

void mldsa_ntt(int32_t out[MLDSA_N], const int32_t in[MLDSA_N])
{
    two_layers(out, in, 1);
    two_layers(out, out, 4);
    two_layers(out, out, 16);
    two_layers(out, out, 64);
}

// The inverse of two_layers, times 4. Sums double with every layer: 2^8 q < 2^31 is just in range.
static inline __attribute__((always_inline)) void inverse_two_layers(int32_t *a, size_t blocks)
{
    const size_t quarter = MLDSA_N / 4 / blocks;

    for (size_t block = 0; block < blocks; block++) {
        size_t index = 2 * blocks - 1 - block;
        int32_t zeta = blocks == 1 ? INVERSE_FACTOR_ZETA : zetas[index];
        int32_t zeta_low = zetas[2 * index + 1];
        int32_t zeta_high = zetas[2 * index];

#pragma GCC unroll 1
        for (size_t i = 0; i < quarter; i++) {
            int32_t v0 = a[0];
            int32_t v1 = a[quarter];
            int32_t v2 = a[2 * quarter];
            int32_t v3 = a[3 * quarter];

            inverse_butterfly(&v0, &v1, zeta_low);
            inverse_butterfly(&v2, &v3, zeta_high);
            inverse_butterfly(&v0, &v2, zeta);
            inverse_butterfly(&v1, &v3, zeta);
            a[0] = blocks == 1 ? mldsa_multiply(v0, INVERSE_FACTOR) : v0;
            a[quarter] = blocks == 1 ? mldsa_multiply(v1, INVERSE_FACTOR) : v1;
            a[2 * quarter] = v2;
            a[3 * quarter] = v3;
            a++;
        }
        a += 3 * quarter;
    }
}

void mldsa_inverse_ntt(int32_t a[MLDSA_N])
{
    inverse_two_layers(a, 64);
    inverse_two_layers(a, 16);
    inverse_two_layers(a, 4);
    inverse_two_layers(a, 1);
}

void mldsa_multiply_ntt(int32_t out[MLDSA_N], const int32_t a[MLDSA_N], const int32_t b[MLDSA_N])
{
    for (size_t i = 0; i < MLDSA_N; i++) {
        out[i] = mldsa_multiply(a[i], b[i]);
    }
}

// Two coefficients at a time, in 64-bit sums: 7 products below q * 5.2 q each are far below 2^31 q. l is a constant
// wherever this is used, so that the inner loop is none.
static inline __attribute__((always_inline)) void multiply_row(int32_t out[MLDSA_N], const uint8_t *row,
                                                               const int32_t (*vector)[MLDSA_N], size_t l)
{
#pragma GCC unroll 1
    for (size_t i = 0; i < MLDSA_N; i += 2) {
        struct sum even = {0, 0};
        struct sum odd = {0, 0};

#pragma GCC unroll 7
        for (size_t j = 0; j < l; j++) {
            const uint8_t *pair = row + MLDSA_MATRIX_POLYNOMIAL_SIZE * j + 3 * i;

            accumulate(&even, (int32_t)(load32_le(pair) & 0x7fffffu), vector[j][i]);
            accumulate(&odd, (int32_t)(load32_le(pair + 2) >> 8 & 0x7fffffu), vector[j][i + 1]);
        }
        out[i] = reduce(&even);
        out[i + 1] = reduce(&odd);
    }
}

void mldsa_multiply_row(int32_t out[MLDSA_N], const uint8_t *row, const int32_t (*vector)[MLDSA_N], size_t l)
{
    switch (l) {
    case 4:
        multiply_row(out, row, vector, 4);
        break;
    case 5:
        multiply_row(out, row, vector, 5);
        break;
    default:
        multiply_row(out, row, vector, 7);
        break;
    }
}
