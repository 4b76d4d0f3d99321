// SPDX-License-Identifier: MIT OR Apache-2.0
#include "mldsa.h"

#include "constant_time.h"
#include "memory.h"
#include "mldsa_encode.h"
#include "mldsa_ntt.h"
#include "mldsa_round.h"
#include "mldsa_sample.h"
#include "wipe.h"

// The secret key (FIPS 204, algorithm 24) is rho, K and tr, then the polynomials of s1, s2 and t0; the public key
// (algorithm 22) is rho and t1. seeds of the scratch are rho, rho' and K.
enum {
    RHO_SIZE = 32,
    K_SIZE = 32,
    TR_SIZE = 64,
    SECRET_KEY_K = RHO_SIZE,
    SECRET_KEY_TR = SECRET_KEY_K + K_SIZE,
    SECRET_KEY_S1 = SECRET_KEY_TR + TR_SIZE,
    SEEDS_RHO_PRIME = RHO_SIZE,
    SEEDS_K = SEEDS_RHO_PRIME + 64,
};

// How many times signing tries. An attempt succeeds with probability exp(-256 beta (l / gamma1 + k / gamma2)), less a
// little for the hints: about 1 / 4.25, 1 / 5.1 and 1 / 3.85 for the three sets (FIPS 204, table 1). All of n attempts
// fail with probability (1 - 1 / 5.1)^n for the worst of them, ML-DSA-65: below 2^-128 for 410 attempts, and about
// 2^-256 for the 814 that FIPS 204, appendix C, demands at least. Masks are numbered up to 814 * 7, well below 2^16.
enum {
    ATTEMPTS = 814,
};

const struct mldsa_parameters mldsa_44 = {
    .k = 4,
    .l = 4,
    .eta = 2,
    .tau = 39,
    .beta = 78,
    .omega = 80,
    .lambda = 128,
    .gamma1 = 1 << 17,
    .gamma2 = (MLDSA_Q - 1) / 88,
    .public_key_size = 1312,
    .secret_key_size = 2560,
    .signature_size = 2420,
};

const struct mldsa_parameters mldsa_65 = {
    .k = 6,
    .l = 5,
    .eta = 4,
    .tau = 49,
    .beta = 196,
    .omega = 55,
    .lambda = 192,
    .gamma1 = 1 << 19,
    .gamma2 = (MLDSA_Q - 1) / 32,
    .public_key_size = 1952,
    .secret_key_size = 4032,
    .signature_size = 3309,
};

const struct mldsa_parameters mldsa_87 = {
    .k = 8,
    .l = 7,
    .eta = 2,
    .tau = 60,
    .beta = 120,
    .omega = 75,
    .lambda = 256,
    .gamma1 = 1 << 19,
    .gamma2 = (MLDSA_Q - 1) / 32,
    .public_key_size = MLDSA_PUBLIC_KEY_MAX,
    .secret_key_size = MLDSA_SECRET_KEY_MAX,
    .signature_size = MLDSA_SIGNATURE_MAX,
};

static uint8_t *matrix_row(const struct mldsa_parameters *p, struct mldsa_scratch *scratch, size_t i)
{
    return scratch->matrix + MLDSA_MATRIX_POLYNOMIAL_SIZE * p->l * i;
}

// FIPS 204, algorithm 6, lines 3 to 5, for s1, which goes to y_hat.
static void generate_s1(const struct mldsa_parameters *p, uint8_t *sk, struct mldsa_scratch *scratch)
{
    for (size_t j = 0; j < p->l; j++) {
        int32_t *s1 = scratch->y_hat[j];

        mldsa_expand_secret(p, s1, scratch->seeds + SEEDS_RHO_PRIME, (uint8_t)j, &scratch->shake);
        if (sk != NULL) {
            mldsa_pack_secret(p, sk + SECRET_KEY_S1 + j * mldsa_secret_size(p), s1);
        }
        mldsa_ntt(s1, s1);
    }
}

// FIPS 204, algorithm 6, lines 3 to 8, for polynomial i of s2 and t.
static void generate_t(const struct mldsa_parameters *p, size_t i, uint8_t *pk, uint8_t *sk,
                       struct mldsa_scratch *scratch)
{
    uint8_t *row = scratch->matrix;
    int32_t *t = scratch->w[0];
    int32_t *s2 = scratch->w[1];
    int32_t *t0 = s2;

    mldsa_expand_row(p, row, scratch->seeds, (uint8_t)i, &scratch->shake);
    mldsa_multiply_row(t, row, (const int32_t (*)[MLDSA_N])scratch->y_hat, p->l);
    mldsa_inverse_ntt(t);
    mldsa_expand_secret(p, s2, scratch->seeds + SEEDS_RHO_PRIME, (uint8_t)(p->l + i), &scratch->shake);
    if (sk != NULL) {
        mldsa_pack_secret(p, sk + SECRET_KEY_S1 + (p->l + i) * mldsa_secret_size(p), s2);
    }
    for (size_t n = 0; n < MLDSA_N; n++) {
        t[n] = mldsa_positive(t[n] + s2[n]);
    }
    mldsa_power2_round(t, t0);
    mldsa_pack_t1(pk + RHO_SIZE + i * MLDSA_T1_SIZE, t);
    if (sk != NULL) {
        mldsa_pack_t0(sk + SECRET_KEY_S1 + ((size_t)p->k + p->l) * mldsa_secret_size(p) + i * MLDSA_T0_SIZE, t0);
    }
}

void mldsa_keygen(const struct mldsa_parameters *p, const uint8_t seed[MLDSA_SEED_SIZE], uint8_t *pk, uint8_t *sk,
                  struct mldsa_scratch *scratch)
{
    const uint8_t dimensions[2] = {p->k, p->l};
    struct shake *shake = &scratch->shake;

    shake256_init(shake);
    shake_absorb(shake, seed, MLDSA_SEED_SIZE);
    shake_absorb(shake, dimensions, sizeof dimensions);
    shake_finish(shake);
    shake_squeeze(shake, scratch->seeds, sizeof scratch->seeds);

    memcpy(pk, scratch->seeds, RHO_SIZE);
    generate_s1(p, sk, scratch);
    for (size_t i = 0; i < p->k; i++) {
        generate_t(p, i, pk, sk, scratch);
    }
    if (sk != NULL) {
        memcpy(sk, scratch->seeds, RHO_SIZE);
        memcpy(sk + SECRET_KEY_K, scratch->seeds + SEEDS_K, K_SIZE);
        shake256_init(shake);
        shake_absorb(shake, pk, p->public_key_size);
        shake_finish(shake);
        shake_squeeze(shake, sk + SECRET_KEY_TR, TR_SIZE);
    }
    wipe(scratch, sizeof *scratch);
}

// Begins FIPS 204, algorithm 7, line 6, and algorithm 8, line 7: the hash of tr and what is signed.
static void begin_mu(struct mldsa_scratch *scratch, const uint8_t tr[TR_SIZE])
{
    shake256_init(&scratch->shake);
    shake_absorb(&scratch->shake, tr, TR_SIZE);
}

// FIPS 204, algorithms 2 and 3, M': what is signed, for a context of at most 255 bytes.
static void absorb_message(struct mldsa_scratch *scratch, const uint8_t *context, size_t context_length,
                           const uint8_t *message, size_t n)
{
    const uint8_t head[2] = {0, (uint8_t)context_length};

    shake_absorb(&scratch->shake, head, sizeof head);
    shake_absorb(&scratch->shake, context, context_length);
    shake_absorb(&scratch->shake, message, n);
}

static void finish_mu(struct mldsa_scratch *scratch)
{
    shake_finish(&scratch->shake);
    shake_squeeze(&scratch->shake, scratch->mu, sizeof scratch->mu);
}

// FIPS 204, algorithm 7, line 15, and algorithm 8, line 12: the hash of mu and the high-order parts of w.
static void hash_commitment(const struct mldsa_parameters *p, uint8_t *challenge, struct mldsa_scratch *scratch)
{
    struct shake *shake = &scratch->shake;
    uint8_t *bytes = (uint8_t *)scratch->y_hat[0];

    shake256_init(shake);
    shake_absorb(shake, scratch->mu, sizeof scratch->mu);
    for (size_t i = 0; i < p->k; i++) {
        mldsa_pack_high(p, bytes, scratch->w[i]);
        shake_absorb(shake, bytes, mldsa_high_size(p));
    }
    shake_finish(shake);
    shake_squeeze(shake, challenge, p->lambda / 4u);
}

// FIPS 204, algorithm 7, lines 11 to 17: y, w as a split vector, the challenge and its transform.
static void commit(const struct mldsa_parameters *p, uint16_t counter, struct mldsa_scratch *scratch)
{
    for (size_t j = 0; j < p->l; j++) {
        uint8_t *bytes = (uint8_t *)scratch->y_hat[j];

        mldsa_expand_mask(p, scratch->y[j], bytes, scratch->mask_seed, (uint16_t)(counter + j), &scratch->shake);
        mldsa_ntt(scratch->y_hat[j], scratch->y[j]);
    }
    for (size_t i = 0; i < p->k; i++) {
        mldsa_multiply_row(scratch->w[i], matrix_row(p, scratch, i), (const int32_t (*)[MLDSA_N])scratch->y_hat, p->l);
        mldsa_inverse_ntt(scratch->w[i]);
        mldsa_decompose(p, scratch->w[i]);
    }
    hash_commitment(p, scratch->challenge, scratch);
    mldsa_sample_in_ball(p, scratch->c_hat, scratch->challenge, &scratch->shake);
    mldsa_ntt(scratch->c_hat, scratch->c_hat);
}

// a = c * a. The coefficients of the products with s1, s2 and t0 are below 60 * 2^12, so that they come out as the
// small numbers that they are.
static void multiply_by_challenge(int32_t a[MLDSA_N], const struct mldsa_scratch *scratch)
{
    mldsa_ntt(a, a);
    mldsa_multiply_ntt(a, a, scratch->c_hat);
    mldsa_inverse_ntt(a);
}

// FIPS 204, algorithm 7, lines 18 to 23: turns w into w - c s2 and y into z, unless a norm is too large. Ends at the
// first polynomial of that kind; s2 comes first, as it makes most attempts fail. A test of the low-order parts of
// w - c s2 is one of those of w, after c s2 is subtracted from them: if the result is small, it is the low-order part.
static bool respond(const struct mldsa_parameters *p, const uint8_t *sk, struct mldsa_scratch *scratch)
{
    int32_t *product = scratch->y_hat[0];
    const uint8_t *s1 = sk + SECRET_KEY_S1;
    const uint8_t *s2 = s1 + p->l * mldsa_secret_size(p);

    for (size_t i = 0; i < p->k; i++) {
        mldsa_unpack_secret(p, product, s2 + i * mldsa_secret_size(p));
        multiply_by_challenge(product, scratch);
        if (!mldsa_subtract_low(scratch->w[i], product, p->gamma2 - p->beta)) {
            return false;
        }
    }
    for (size_t j = 0; j < p->l; j++) {
        mldsa_unpack_secret(p, product, s1 + j * mldsa_secret_size(p));
        multiply_by_challenge(product, scratch);
        if (!mldsa_add_below(scratch->y[j], product, p->gamma1 - p->beta)) {
            return false;
        }
    }
    return true;
}

// FIPS 204, algorithm 7, lines 25 to 28: turns w into the hints, unless there are too many or c t0 is too large.
static bool make_hints(const struct mldsa_parameters *p, const uint8_t *sk, struct mldsa_scratch *scratch)
{
    int32_t *product = scratch->y_hat[0];
    const uint8_t *t0 = sk + p->secret_key_size - p->k * (size_t)MLDSA_T0_SIZE;
    uint32_t count = 0;

    for (size_t i = 0; i < p->k; i++) {
        mldsa_unpack_t0(product, t0 + i * MLDSA_T0_SIZE);
        multiply_by_challenge(product, scratch);
        if (!mldsa_norm_below(product, p->gamma2)) {
            return false;
        }
        count += mldsa_make_hints(p, scratch->w[i], product);
        if (count > p->omega) {
            return false;
        }
    }
    return true;
}

// FIPS 204, algorithm 26.
static void encode_signature(const struct mldsa_parameters *p, uint8_t *signature, const struct mldsa_scratch *scratch)
{
    memcpy(signature, scratch->challenge, p->lambda / 4u);
    signature += p->lambda / 4u;
    for (size_t j = 0; j < p->l; j++) {
        mldsa_pack_response(p, signature, scratch->y[j]);
        signature += mldsa_response_size(p);
    }
    mldsa_pack_hints(p, signature, (const int32_t (*)[MLDSA_N])scratch->w);
}

// FIPS 204, algorithm 7, from line 5 on, but for mu.
static bool sign_mu(const struct mldsa_parameters *p, const uint8_t *sk, const uint8_t rnd[MLDSA_RND_SIZE],
                    uint8_t *signature, struct mldsa_scratch *scratch)
{
    struct shake *shake = &scratch->shake;

    if (!mldsa_secret_valid(p, sk + SECRET_KEY_S1, ((size_t)p->k + p->l) * mldsa_secret_size(p))) {
        return false;
    }
    shake256_init(shake);
    shake_absorb(shake, sk + SECRET_KEY_K, K_SIZE);
    shake_absorb(shake, rnd, MLDSA_RND_SIZE);
    shake_absorb(shake, scratch->mu, sizeof scratch->mu);
    shake_finish(shake);
    shake_squeeze(shake, scratch->mask_seed, sizeof scratch->mask_seed);
    for (size_t i = 0; i < p->k; i++) {
        mldsa_expand_row(p, matrix_row(p, scratch, i), sk, (uint8_t)i, shake);
    }
    for (uint16_t attempt = 0; attempt < ATTEMPTS; attempt++) {
        commit(p, (uint16_t)(attempt * p->l), scratch);
        if (respond(p, sk, scratch) && make_hints(p, sk, scratch)) {
            encode_signature(p, signature, scratch);
            return true;
        }
    }
    return false;
}

bool mldsa_sign(const struct mldsa_parameters *p, const uint8_t *sk, const uint8_t *context, size_t context_length,
                const uint8_t *message, size_t n, const uint8_t rnd[MLDSA_RND_SIZE], uint8_t *signature,
                struct mldsa_scratch *scratch)
{
    bool done = false;

    if (context_length <= MLDSA_CONTEXT_MAX) {
        begin_mu(scratch, sk + SECRET_KEY_TR);
        absorb_message(scratch, context, context_length, message, n);
        finish_mu(scratch);
        done = sign_mu(p, sk, rnd, signature, scratch);
    }
    if (!done) {
        memset(signature, 0, p->signature_size);
    }
    wipe(scratch, sizeof *scratch);
    return done;
}

bool mldsa_sign_internal(const struct mldsa_parameters *p, const uint8_t *sk, const uint8_t *formatted, size_t n,
                         const uint8_t rnd[MLDSA_RND_SIZE], uint8_t *signature, struct mldsa_scratch *scratch)
{
    begin_mu(scratch, sk + SECRET_KEY_TR);
    shake_absorb(&scratch->shake, formatted, n);
    finish_mu(scratch);

    bool done = sign_mu(p, sk, rnd, signature, scratch);
    if (!done) {
        memset(signature, 0, p->signature_size);
    }
    wipe(scratch, sizeof *scratch);
    return done;
}

// FIPS 204, algorithm 8, line 6.
static void hash_public_key(const struct mldsa_parameters *p, const uint8_t *pk, uint8_t tr[TR_SIZE],
                            struct mldsa_scratch *scratch)
{
    shake256_init(&scratch->shake);
    shake_absorb(&scratch->shake, pk, p->public_key_size);
    shake_finish(&scratch->shake);
    shake_squeeze(&scratch->shake, tr, TR_SIZE);
}

// FIPS 204, algorithm 27 and the norm of algorithm 8, line 13: z goes to y_hat. Whether it may be that of a signature.
static bool decode_response(const struct mldsa_parameters *p, const uint8_t *z, struct mldsa_scratch *scratch)
{
    for (size_t j = 0; j < p->l; j++) {
        mldsa_unpack_response(p, scratch->y_hat[j], z + j * mldsa_response_size(p));
        if (!mldsa_norm_below(scratch->y_hat[j], p->gamma1 - p->beta)) {
            return false;
        }
        mldsa_ntt(scratch->y_hat[j], scratch->y_hat[j]);
    }
    return true;
}

// FIPS 204, algorithm 8, lines 5 and 9 to 10, for polynomial i: its w is split, and corrected by the hints.
static void recommit(const struct mldsa_parameters *p, size_t i, const uint8_t *pk, const uint8_t *hints,
                     struct mldsa_scratch *scratch)
{
    const size_t first = i == 0 ? 0 : hints[p->omega + i - 1];
    const size_t last = hints[p->omega + i];
    int32_t *w = scratch->w[i];
    int32_t *t1 = scratch->y[0];

    mldsa_expand_row(p, scratch->matrix, pk, (uint8_t)i, &scratch->shake);
    mldsa_multiply_row(w, scratch->matrix, (const int32_t (*)[MLDSA_N])scratch->y_hat, p->l);
    mldsa_unpack_t1(t1, pk + RHO_SIZE + i * MLDSA_T1_SIZE);
    mldsa_ntt(t1, t1);
    mldsa_multiply_ntt(t1, t1, scratch->c_hat);
    for (size_t n = 0; n < MLDSA_N; n++) {
        w[n] = mldsa_centre(w[n] - t1[n]);
    }
    mldsa_inverse_ntt(w);
    mldsa_decompose(p, w);
    mldsa_use_hints(p, w, hints + first, last - first);
}

// FIPS 204, algorithm 8, but for tr and mu.
static bool verify_mu(const struct mldsa_parameters *p, const uint8_t *pk, const uint8_t *signature,
                      struct mldsa_scratch *scratch)
{
    const size_t challenge_size = p->lambda / 4u;
    const uint8_t *z = signature + challenge_size;
    const uint8_t *hints = z + p->l * mldsa_response_size(p);

    if (!mldsa_hints_valid(p, hints) || !decode_response(p, z, scratch)) {
        return false;
    }
    mldsa_sample_in_ball(p, scratch->c_hat, signature, &scratch->shake);
    mldsa_ntt(scratch->c_hat, scratch->c_hat);
    for (size_t i = 0; i < p->k; i++) {
        recommit(p, i, pk, hints, scratch);
    }
    hash_commitment(p, scratch->challenge, scratch);
    return ct_equal(scratch->challenge, signature, challenge_size);
}

bool mldsa_verify(const struct mldsa_parameters *p, const uint8_t *pk, const uint8_t *context, size_t context_length,
                  const uint8_t *message, size_t n, const uint8_t *signature, size_t signature_length,
                  struct mldsa_scratch *scratch)
{
    if (signature_length != p->signature_size || context_length > MLDSA_CONTEXT_MAX) {
        return false;
    }
    hash_public_key(p, pk, scratch->seeds, scratch);
    begin_mu(scratch, scratch->seeds);
    absorb_message(scratch, context, context_length, message, n);
    finish_mu(scratch);
    return verify_mu(p, pk, signature, scratch);
}

bool mldsa_verify_internal(const struct mldsa_parameters *p, const uint8_t *pk, const uint8_t *formatted, size_t n,
                           const uint8_t *signature, size_t signature_length, struct mldsa_scratch *scratch)
{
    if (signature_length != p->signature_size) {
        return false;
    }
    hash_public_key(p, pk, scratch->seeds, scratch);
    begin_mu(scratch, scratch->seeds);
    shake_absorb(&scratch->shake, formatted, n);
    finish_mu(scratch);
    return verify_mu(p, pk, signature, scratch);
}
