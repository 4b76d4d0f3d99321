// SPDX-License-Identifier: MIT OR Apache-2.0
#include "mlkem_arithmetic.h"
#include "mlkem_poly.h"

// Constant factors c for pair_multiply, each as c * (-2^32) / q mod 2^32. -2^32 undoes the factor of pair_reduce.
#define TIMES_ONE 0x0013afb7u
#define TIMES_MINUS_2_32 0x97f44fabu
#define TIMES_MINUS_2_32_OVER_128 0x912fe89fu
#define TIMES_MINUS_2_32_ZETA_OVER_128 0x94921c25u // zeta of the last layer, 17^64

// 17^BitRev7(i) for i = 0 to 127 (FIPS 203, appendix A), as factors.
static const uint32_t zetas[128] = {
    0x0013afb7, 0x84f5c5b6, 0xc666e465, 0xfcec8b58, 0xcb2b72d0, 0x30726d5a, 0x91e11612, 0x41360f89, 0x51aaf2da,
    0x93922fd5, 0x0ed77945, 0x3d4a0dff, 0xd63e49fa, 0xfab1a391, 0x2bc18ea6, 0x864470e4, 0x16c32c10, 0xbc2c9a1c,
    0x66f8144d, 0x71811d74, 0xea3cc040, 0x044e701f, 0xac4184ce, 0x6681f601, 0x6da8cba2, 0xa1074e35, 0x2924384a,
    0xdda02ec1, 0xb805896c, 0xdd651f9b, 0x97ccf03c, 0x3f228731, 0x16395e0c, 0x19743224, 0xfa27d58d, 0x87094e0e,
    0x5c0c9c91, 0xb12d72a8, 0xaf19ea50, 0x9e078944, 0x31fc27ae, 0x9807ff63, 0xc13fe764, 0x3099ccc9, 0xdc518393,
    0x0289a6a4, 0x658209b0, 0x934370f7, 0xb254be68, 0x6e59f914, 0x3e0eeb29, 0x22c23fd4, 0x6e95083a, 0xdc8c92ba,
    0x75f6ed01, 0xb8b6b6de, 0xcb8de165, 0xc93f49e7, 0x71e38c09, 0x31d4c83f, 0xbe402274, 0xef28ae1a, 0x5e5b3410,
    0x45fa9df4, 0x014eab2e, 0xd4522111, 0x2cd52aae, 0xcbb540d4, 0x7de29fcc, 0x379942fb, 0xaff27732, 0x54970813,
    0x6c5a2074, 0xccb52d24, 0xfc4f0d9c, 0x11eaedee, 0x3a22e99f, 0xa5cbdca0, 0xe7da790a, 0xea8b7f1e, 0x82f5ed15,
    0x7ef63bd4, 0xd6795921, 0x8992f4b2, 0x8e08c440, 0x4935720b, 0x7059d1b5, 0xcea1560d, 0x483585bb, 0xb17c3186,
    0xbb67bcf1, 0xb7a31ad7, 0x385e2025, 0xb3b7194d, 0x149bf401, 0x314afa3c, 0x79cf3ed4, 0xb0b7545c, 0x9ca52e5f,
    0xf79e2ee9, 0x1cd665a9, 0xc4049d2f, 0xa0b88f57, 0x7e801d88, 0x51bea291, 0x1887f58b, 0xd53e5daa, 0x3a369957,
    0xa169bcca, 0x2b2410eb, 0xbda2a4b8, 0xc77a806c, 0xd7a0a4e0, 0x53f98a58, 0x1efd9db9, 0x4ee63d0f, 0x57e58be2,
    0xa555be54, 0xd565bd19, 0x442224c2, 0x846bf7b2, 0x5d33e851, 0x901c4c98, 0x4f214c35, 0xa24249ac, 0xe1b38fba,
    0x440e750b, 0xa5a47d31,
};

// Algorithm 9, lines 8 to 10, for two pairs.
static inline void butterfly(uint32_t *a, uint32_t *b, uint32_t zeta)
{
    uint32_t t = pair_multiply(*b, zeta);

    *b = pair_subtract(*a, t);
    *a = pair_add(*a, t);
}

// Algorithm 10, lines 8 to 10, for two pairs.
static inline void inverse_butterfly(uint32_t *a, uint32_t *b, uint32_t zeta)
{
    uint32_t t = *a;

    *a = pair_add(t, *b);
    *b = pair_multiply(pair_subtract(*b, t), zeta);
}

// Two layers of the NTT on four pairs that are `step` apart.
static inline void two_layers(uint32_t *f, unsigned step, uint32_t zeta, const uint32_t zeta_below[2])
{
    uint32_t a[4] = {f[0], f[step], f[2 * step], f[3 * step]};

    butterfly(&a[0], &a[2], zeta);
    butterfly(&a[1], &a[3], zeta);
    butterfly(&a[0], &a[1], zeta_below[0]);
    butterfly(&a[2], &a[3], zeta_below[1]);
    for (unsigned i = 0; i < 4; i++) {
        f[i * step] = a[i];
    }
}

// Seven layers of the NTT, in passes of three, two and two over the polynomial. len of the standard counts
// coefficients; the partner of a pair is len / 2 pairs away.
void mlkem_ntt(struct mlkem_poly *f)
{
    for (uint32_t *p = f->pair; p < f->pair + 16; p++) { // len = 128, 64, 32
        uint32_t a[8] = {p[0], p[16], p[32], p[48], p[64], p[80], p[96], p[112]};

        for (unsigned i = 0; i < 4; i++) {
            butterfly(&a[i], &a[i + 4], zetas[1]);
        }
        for (unsigned i = 0; i < 2; i++) {
            butterfly(&a[i], &a[i + 2], zetas[2]);
            butterfly(&a[i + 4], &a[i + 6], zetas[3]);
        }
        for (unsigned i = 0; i < 4; i++) {
            butterfly(&a[2 * i], &a[2 * i + 1], zetas[4 + i]);
        }
        for (unsigned i = 0; i < 8; i++) {
            p[16 * i] = a[i];
        }
    }
    for (unsigned block = 0; block < 8; block++) { // len = 16, 8
        for (unsigned i = 0; i < 4; i++) {
            two_layers(f->pair + 16 * block + i, 4, zetas[8 + block], zetas + 16 + 2 * block);
        }
    }
    for (unsigned block = 0; block < 32; block++) { // len = 4, 2
        two_layers(f->pair + 4 * block, 1, zetas[32 + block], zetas + 64 + 2 * block);
    }
}

static inline void two_inverse_layers(uint32_t *f, unsigned step, const uint32_t zeta_below[2], uint32_t zeta)
{
    uint32_t a[4] = {f[0], f[step], f[2 * step], f[3 * step]};

    inverse_butterfly(&a[0], &a[1], zeta_below[1]);
    inverse_butterfly(&a[2], &a[3], zeta_below[0]);
    inverse_butterfly(&a[0], &a[2], zeta);
    inverse_butterfly(&a[1], &a[3], zeta);
    for (unsigned i = 0; i < 4; i++) {
        f[i * step] = a[i];
    }
}

// Three layers of the inverse NTT on eight pairs that are 16 apart. The last one carries the division by 128 (algorithm
// 10, line 14) and the factor that undoes that of mlkem_reduce.
static inline void last_inverse_layers(uint32_t *p)
{
    uint32_t a[8] = {p[0], p[16], p[32], p[48], p[64], p[80], p[96], p[112]};

    for (unsigned i = 0; i < 4; i++) {
        inverse_butterfly(&a[2 * i], &a[2 * i + 1], zetas[7 - i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        inverse_butterfly(&a[i], &a[i + 2], zetas[3]);
        inverse_butterfly(&a[i + 4], &a[i + 6], zetas[2]);
    }
    for (unsigned i = 0; i < 4; i++) {
        p[16 * i] = pair_multiply(pair_add(a[i], a[i + 4]), TIMES_MINUS_2_32_OVER_128);
        p[16 * i + 64] = pair_multiply(pair_subtract(a[i + 4], a[i]), TIMES_MINUS_2_32_ZETA_OVER_128);
    }
}

// Magnitudes in units of 1665: a butterfly's first result is the sum of its arguments, the second one 1. After four
// layers the 16 pairs of a block are thus at 16 8 4 4 2 2 2 2 1 ... 1; the first four of them are brought back to 1, so
// that three layers more end at 16 again, which is 26640.
void mlkem_inverse_ntt(struct mlkem_poly *f)
{
    for (unsigned block = 0; block < 32; block++) { // len = 2, 4
        two_inverse_layers(f->pair + 4 * block, 1, zetas + 126 - 2 * block, zetas[63 - block]);
    }
    for (unsigned block = 0; block < 8; block++) { // len = 8, 16
        for (uint32_t *p = f->pair + 16 * block; p < f->pair + 16 * block + 4; p++) {
            two_inverse_layers(p, 4, zetas + 30 - 2 * block, zetas[15 - block]);
            *p = pair_multiply(*p, TIMES_ONE);
        }
    }
    for (unsigned i = 0; i < 16; i++) { // len = 32, 64, 128
        last_inverse_layers(f->pair + i);
    }
}

// Algorithm 11 for the pairs 2 * i and 2 * i + 1, whose gammas (algorithm 12) are zetas[64 + i] and its negative, added
// to four sums.
static inline void multiply_two(int32_t sum[4], const uint32_t *a, const uint32_t *b, uint32_t zeta)
{
    uint32_t a0 = a[0];
    uint32_t a1 = a[1];
    uint32_t b0 = b[0];
    uint32_t b1 = b[1];

    sum[0] = add_products(sum[0], a0, pair_multiply_second(b0, zeta));
    sum[1] = add_cross_products(sum[1], a0, b0);
    sum[2] = add_product_difference(sum[2], a1, pair_multiply_second(b1, zeta));
    sum[3] = add_cross_products(sum[3], a1, b1);
}

void mlkem_multiply_add(struct mlkem_sum *restrict sum, const struct mlkem_poly *a, const struct mlkem_poly *b)
{
    for (unsigned i = 0; i < MLKEM_PAIRS / 2; i++) {
        multiply_two(sum->value + 4 * i, a->pair + 2 * i, b->pair + 2 * i, zetas[64 + i]);
    }
}

void mlkem_begin_sum(struct mlkem_sum *restrict sum, const struct mlkem_poly *f)
{
    for (unsigned i = 0; i < MLKEM_N; i++) {
        sum->value[i] = f->coefficient[i];
    }
}

void mlkem_reduce(struct mlkem_poly *restrict f, const struct mlkem_sum *restrict sum)
{
    for (unsigned i = 0; i < MLKEM_PAIRS; i++) {
        f->pair[i] = pair_reduce(sum->value[2 * i], sum->value[2 * i + 1]);
    }
}

void mlkem_reduce_exactly(struct mlkem_poly *restrict f, const struct mlkem_sum *restrict sum)
{
    for (unsigned i = 0; i < MLKEM_PAIRS; i++) {
        f->pair[i] = pair_multiply(pair_reduce(sum->value[2 * i], sum->value[2 * i + 1]), TIMES_MINUS_2_32);
    }
}

void mlkem_normalize(struct mlkem_poly *f)
{
    for (unsigned i = 0; i < MLKEM_PAIRS; i++) {
        f->pair[i] = pair_multiply(f->pair[i], TIMES_ONE);
    }
}

void mlkem_add(struct mlkem_poly *f, const struct mlkem_poly *g)
{
    for (unsigned i = 0; i < MLKEM_PAIRS; i++) {
        f->pair[i] = pair_add(f->pair[i], g->pair[i]);
    }
}

void mlkem_subtract(struct mlkem_poly *f, const struct mlkem_poly *g)
{
    for (unsigned i = 0; i < MLKEM_PAIRS; i++) {
        f->pair[i] = pair_subtract(f->pair[i], g->pair[i]);
    }
}
