// SPDX-License-Identifier: MIT OR Apache-2.0
#include "mlkem.h"

#include "constant_time.h"
#include "memory.h"
#include "mlkem_arithmetic.h"
#include "mlkem_poly.h"
#include "sha3.h"
#include "wipe.h"

// Sizes of FIPS 203, table 3: ek = 384 * k + 32, dk = 768 * k + 96, ct = 32 * (du * k + dv).
const struct mlkem_parameters mlkem_512 = {
    .k = 2, .eta1 = 3, .du = 10, .dv = 4, .ek_size = 800, .dk_size = 1632, .ct_size = 768};
const struct mlkem_parameters mlkem_768 = {
    .k = 3, .eta1 = 2, .du = 10, .dv = 4, .ek_size = 1184, .dk_size = 2400, .ct_size = 1088};
const struct mlkem_parameters mlkem_1024 = {
    .k = 4, .eta1 = 2, .du = 11, .dv = 5, .ek_size = 1568, .dk_size = 3168, .ct_size = 1568};

enum {
    K_MAX = 4,
    ETA_2 = 2,
    MESSAGE_SIZE = 32,
};

// What the functions of K-PKE compute with. The matrix A never exists as a whole: each element is sampled when it is
// due.
struct workspace {
    struct mlkem_poly vector[K_MAX]; // s, or y, in the NTT domain
    struct mlkem_poly a;             // an element of A, or another polynomial that is added or multiplied
    struct mlkem_poly b;             // the polynomial that is being made
    struct mlkem_sum sum;
};

// G (section 4.1) of two strings, 64 bytes.
static void hash_g(uint8_t out[64], const uint8_t first[32], const uint8_t *second, size_t second_size)
{
    struct sha3 sha3;

    sha3_512_init(&sha3);
    sha3_absorb(&sha3, first, 32);
    sha3_absorb(&sha3, second, second_size);
    sha3_final(&sha3, out);
}

// J (section 4.1) of z || ct, the secret of implicit rejection.
static void hash_j(uint8_t out[32], const uint8_t z[32], const uint8_t *ct, size_t ct_size)
{
    struct shake shake;

    shake256_init(&shake);
    shake_absorb(&shake, z, 32);
    shake_absorb(&shake, ct, ct_size);
    shake_finish(&shake);
    shake_squeeze(&shake, out, 32);
    wipe(&shake, sizeof shake);
}

// w->sum += row i of A * w->vector, A being expanded from rho. K-PKE.KeyGen.
static void multiply_row(struct workspace *w, const struct mlkem_parameters *p, const uint8_t *rho, uint8_t i)
{
    for (uint8_t j = 0; j < p->k; j++) {
        mlkem_sample_ntt(&w->a, rho, j, i);
        mlkem_multiply_add(&w->sum, &w->a, &w->vector[j]);
    }
}

// The same for column i, which is row i of the transposed matrix. K-PKE.Encrypt.
static void multiply_column(struct workspace *w, const struct mlkem_parameters *p, const uint8_t *rho, uint8_t i)
{
    for (uint8_t j = 0; j < p->k; j++) {
        mlkem_sample_ntt(&w->a, rho, i, j);
        mlkem_multiply_add(&w->sum, &w->a, &w->vector[j]);
    }
}

// K-PKE.KeyGen (algorithm 13): ek, and the 384 * k bytes of dk_pke.
static void pke_keygen(struct workspace *w, const struct mlkem_parameters *p, const uint8_t d[32], uint8_t *ek,
                       uint8_t *dk_pke)
{
    uint8_t seeds[64];
    uint8_t *rho = ek + (size_t)MLKEM_POLY_SIZE * p->k;
    const uint8_t *sigma = seeds + 32;

    hash_g(seeds, d, &p->k, 1);
    memcpy(rho, seeds, 32);
    for (uint8_t i = 0; i < p->k; i++) {
        mlkem_sample_noise(&w->vector[i], p->eta1, sigma, i);
        mlkem_ntt(&w->vector[i]);
        mlkem_normalize(&w->vector[i]);
        mlkem_encode(dk_pke + MLKEM_POLY_SIZE * i, &w->vector[i]);
    }
    for (uint8_t i = 0; i < p->k; i++) { // t = A * s + e
        mlkem_sample_noise(&w->b, p->eta1, sigma, (uint8_t)(p->k + i));
        mlkem_ntt(&w->b);
        mlkem_begin_sum(&w->sum, &w->b);
        multiply_row(w, p, rho, i);
        mlkem_reduce_exactly(&w->b, &w->sum);
        mlkem_encode(ek + MLKEM_POLY_SIZE * i, &w->b);
    }
    wipe(seeds, sizeof seeds);
}

// K-PKE.Encrypt (algorithm 14) of m with the randomness r.
static void pke_encrypt(struct workspace *w, const struct mlkem_parameters *p, const uint8_t *ek,
                        const uint8_t m[MESSAGE_SIZE], const uint8_t r[32], uint8_t *ct)
{
    const uint8_t *rho = ek + (size_t)MLKEM_POLY_SIZE * p->k;
    uint8_t nonce = 0;

    for (unsigned i = 0; i < p->k; i++) {
        mlkem_sample_noise(&w->vector[i], p->eta1, r, nonce++);
        mlkem_ntt(&w->vector[i]);
    }
    for (uint8_t i = 0; i < p->k; i++) { // u = A^T * y + e_1
        memset(&w->sum, 0, sizeof w->sum);
        multiply_column(w, p, rho, i);
        mlkem_reduce(&w->b, &w->sum);
        mlkem_inverse_ntt(&w->b);
        mlkem_sample_noise(&w->a, ETA_2, r, nonce++);
        mlkem_add(&w->b, &w->a);
        mlkem_compress(ct, &w->b, p->du);
        ct += 32 * p->du;
    }
    memset(&w->sum, 0, sizeof w->sum);
    for (unsigned i = 0; i < p->k; i++) { // v = t^T * y + e_2 + mu
        mlkem_decode(&w->a, ek + MLKEM_POLY_SIZE * i);
        mlkem_multiply_add(&w->sum, &w->a, &w->vector[i]);
    }
    mlkem_reduce(&w->b, &w->sum);
    mlkem_inverse_ntt(&w->b);
    mlkem_sample_noise(&w->a, ETA_2, r, nonce);
    mlkem_add(&w->b, &w->a);
    mlkem_decompress(&w->a, m, 1);
    mlkem_add(&w->b, &w->a);
    mlkem_compress(ct, &w->b, p->dv);
}

// K-PKE.Decrypt (algorithm 15).
static void pke_decrypt(struct workspace *w, const struct mlkem_parameters *p, const uint8_t *dk_pke, const uint8_t *ct,
                        uint8_t m[MESSAGE_SIZE])
{
    memset(&w->sum, 0, sizeof w->sum);
    for (unsigned i = 0; i < p->k; i++) {
        mlkem_decompress(&w->a, ct, p->du);
        ct += 32 * p->du;
        mlkem_ntt(&w->a);
        mlkem_decode(&w->vector[0], dk_pke + MLKEM_POLY_SIZE * i);
        mlkem_multiply_add(&w->sum, &w->a, &w->vector[0]);
    }
    mlkem_reduce(&w->a, &w->sum);
    mlkem_inverse_ntt(&w->a);
    mlkem_decompress(&w->b, ct, p->dv);
    mlkem_subtract(&w->b, &w->a);
    mlkem_compress(m, &w->b, 1);
}

void mlkem_keygen(const struct mlkem_parameters *p, const uint8_t d[32], const uint8_t z[32], uint8_t *ek, uint8_t *dk)
{
    struct workspace w;
    uint8_t *ek_copy = dk + (size_t)MLKEM_POLY_SIZE * p->k;

    pke_keygen(&w, p, d, ek, dk);
    memcpy(ek_copy, ek, p->ek_size);
    sha3_256(ek_copy + p->ek_size, ek, p->ek_size);
    memcpy(ek_copy + p->ek_size + 32, z, 32);
    wipe(&w, sizeof w);
}

bool mlkem_check_ek(const struct mlkem_parameters *p, const uint8_t *ek)
{
    struct mlkem_poly f;
    uint32_t too_large = 0;

    for (unsigned i = 0; i < p->k; i++) {
        mlkem_decode(&f, ek + MLKEM_POLY_SIZE * i);
        for (unsigned j = 0; j < MLKEM_N; j++) {
            too_large |= f.coefficient[j] >= MLKEM_Q;
        }
    }
    return too_large == 0;
}

bool mlkem_check_dk(const struct mlkem_parameters *p, const uint8_t *dk)
{
    const uint8_t *ek = dk + (size_t)MLKEM_POLY_SIZE * p->k;
    uint8_t hash[32];

    sha3_256(hash, ek, p->ek_size);
    return ct_equal(hash, ek + p->ek_size, sizeof hash);
}

void mlkem_encaps(const struct mlkem_parameters *p, const uint8_t *ek, const uint8_t m[32], uint8_t *ct,
                  uint8_t ss[MLKEM_SS_SIZE])
{
    struct workspace w;
    uint8_t hash[32];
    uint8_t secrets[64]; // K || r

    sha3_256(hash, ek, p->ek_size);
    hash_g(secrets, m, hash, sizeof hash);
    pke_encrypt(&w, p, ek, m, secrets + 32, ct);
    memcpy(ss, secrets, MLKEM_SS_SIZE);
    wipe(secrets, sizeof secrets);
    wipe(&w, sizeof w);
}

void mlkem_decaps(const struct mlkem_parameters *p, const uint8_t *dk, const uint8_t *ct, uint8_t ss[MLKEM_SS_SIZE])
{
    const uint8_t *ek = dk + (size_t)MLKEM_POLY_SIZE * p->k;
    const uint8_t *hash = ek + p->ek_size;
    const uint8_t *z = hash + 32;
    struct workspace w;
    uint8_t m[MESSAGE_SIZE];
    uint8_t secrets[64]; // K' || r'
    uint8_t ct_again[MLKEM_CT_MAX];

    pke_decrypt(&w, p, dk, ct, m);
    hash_g(secrets, m, hash, 32);
    pke_encrypt(&w, p, ek, m, secrets + 32, ct_again);
    hash_j(ss, z, ct, p->ct_size);
    ct_copy_if(0u - (uint32_t)ct_equal(ct, ct_again, p->ct_size), ss, secrets, MLKEM_SS_SIZE);
    wipe(m, sizeof m);
    wipe(secrets, sizeof secrets);
    wipe(ct_again, sizeof ct_again);
    wipe(&w, sizeof w);
}
