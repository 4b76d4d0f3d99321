// SPDX-License-Identifier: MIT OR Apache-2.0
#include "mldsa_sample.h"

#include "little_endian.h"
#include "memory.h"
#include "mldsa_encode.h"
#include "mldsa_ntt.h"
#include "wipe.h"

enum {
    CANDIDATE_SIZE = 3, // bytes that may make a coefficient of the matrix, and that keep it
    SECRET_BLOCK = SHAKE256_RATE,
    BALL_BLOCK = SHAKE256_RATE,
    SIGN_BYTES = 8,
};

// Whether four candidates are certainly below q = 2^23 - 2^13 + 1, their top bits aside: those that are not have ones
// at the bits from 13 to 22. Of the third candidate only those from 16 on are looked at, which are all in one word.
static bool four_below_q(const uint8_t *candidates)
{
    uint32_t first = ~load32_le(candidates);
    uint32_t second = ~load32_le(candidates + 4);
    uint32_t third = ~load32_le(candidates + 8);

    return (first & 0x007fe000u) != 0 && (second & 0x00007fe0u) != 0 && (third & 0x0000007fu) != 0 &&
           (third & 0x7fe00000u) != 0;
}

// Keeps those of `count` candidates that are below q without their top bits (FIPS 204, algorithm 14), in place, and
// returns their number. One in a thousand is not.
static size_t keep_below_q(uint8_t *candidates, size_t count)
{
    size_t i = 0;

    while (i < count) {
        uint8_t *candidate = candidates + CANDIDATE_SIZE * i;

        if (count - i >= 4 && four_below_q(candidate)) {
            i += 4;
        } else if ((mldsa_load24(candidate) & 0x7fffffu) < MLDSA_Q) {
            i++;
        } else {
            count--;
            memmove(candidate, candidate + CANDIDATE_SIZE, CANDIDATE_SIZE * (count - i));
        }
    }
    return count;
}

// FIPS 204, algorithm 30, squeezing just where the coefficients are kept, and as many bytes as are missing.
static void expand_matrix_polynomial(uint8_t *a, const uint8_t rho[32], uint8_t s, uint8_t r, struct shake *shake)
{
    const uint8_t position[2] = {s, r};
    size_t count = 0;

    shake128_init(shake);
    shake_absorb(shake, rho, 32);
    shake_absorb(shake, position, sizeof position);
    shake_finish(shake);
    while (count < MLDSA_N) {
        uint8_t *next = a + CANDIDATE_SIZE * count;

        shake_squeeze(shake, next, CANDIDATE_SIZE * (MLDSA_N - count));
        count += keep_below_q(next, MLDSA_N - count);
    }
}

void mldsa_expand_row(const struct mldsa_parameters *p, uint8_t *row, const uint8_t rho[32], uint8_t r,
                      struct shake *shake)
{
    for (uint8_t s = 0; s < p->l; s++) {
        expand_matrix_polynomial(row + MLDSA_MATRIX_POLYNOMIAL_SIZE * s, rho, s, r, shake);
    }
}

// FIPS 204, algorithm 15: sets *a and returns 1, or returns 0 if the half byte is refused, *a then being of no use.
static inline uint32_t secret_from_half(int32_t *a, uint32_t half, int32_t eta)
{
    const uint32_t limit = eta == 2 ? 15 : 9;
    const uint32_t fifth = eta == 2 ? (half * 13) >> 6 : 0; // half / 5

    *a = eta - (int32_t)(half - 5 * fifth);
    return (half - limit) >> 31;
}

// The coefficients of n bytes, at most `room`; returns their number. How many half bytes are refused shows in the time
// taken, but says nothing about the others.
static size_t secrets_from_bytes(int32_t *a, size_t room, const uint8_t *bytes, size_t n, int32_t eta)
{
    int32_t *next = a;
    int32_t *const end = a + room;

    for (size_t i = 0; i < n && next != end; i++) {
        next += secret_from_half(next, bytes[i] & 15u, eta);
        if (next != end) {
            next += secret_from_half(next, bytes[i] >> 4, eta);
        }
    }
    return (size_t)(next - a);
}

void mldsa_expand_secret(const struct mldsa_parameters *p, int32_t a[MLDSA_N], const uint8_t seed[64], uint8_t index,
                         struct shake *shake)
{
    const uint8_t index_bytes[2] = {index, 0};
    uint8_t block[SECRET_BLOCK];
    size_t count = 0;

    shake256_init(shake);
    shake_absorb(shake, seed, 64);
    shake_absorb(shake, index_bytes, sizeof index_bytes);
    shake_finish(shake);
    while (count < MLDSA_N) {
        shake_squeeze(shake, block, sizeof block);
        count += secrets_from_bytes(a + count, MLDSA_N - count, block, sizeof block, p->eta);
    }
    wipe(block, sizeof block);
}

void mldsa_expand_mask(const struct mldsa_parameters *p, int32_t a[MLDSA_N], uint8_t *bytes, const uint8_t seed[64],
                       uint16_t index, struct shake *shake)
{
    const uint8_t index_bytes[2] = {(uint8_t)index, (uint8_t)(index >> 8)};

    shake256_init(shake);
    shake_absorb(shake, seed, 64);
    shake_absorb(shake, index_bytes, sizeof index_bytes);
    shake_finish(shake);
    shake_squeeze(shake, bytes, mldsa_response_size(p));
    mldsa_unpack_response(p, a, bytes);
}

// Bytes of the stream one at a time.
struct byte_stream {
    struct shake *shake;
    size_t position;
    uint8_t block[BALL_BLOCK];
};

static uint8_t next_byte(struct byte_stream *stream)
{
    if (stream->position == sizeof stream->block) {
        shake_squeeze(stream->shake, stream->block, sizeof stream->block);
        stream->position = 0;
    }
    return stream->block[stream->position++];
}

void mldsa_sample_in_ball(const struct mldsa_parameters *p, int32_t c[MLDSA_N], const uint8_t *challenge,
                          struct shake *shake)
{
    struct byte_stream stream = {.shake = shake, .position = SIGN_BYTES};
    uint32_t signs[2];
    size_t sign = 0;

    shake256_init(shake);
    shake_absorb(shake, challenge, p->lambda / 4u);
    shake_finish(shake);
    shake_squeeze(shake, stream.block, sizeof stream.block);
    signs[0] = load32_le(stream.block);
    signs[1] = load32_le(stream.block + 4);

    memset(c, 0, MLDSA_N * sizeof c[0]);
    for (size_t i = MLDSA_N - p->tau; i < MLDSA_N; i++) {
        size_t j = next_byte(&stream);

        while (j > i) {
            j = next_byte(&stream);
        }
        c[i] = c[j];
        c[j] = 1 - 2 * (int32_t)((signs[sign / 32] >> (sign % 32)) & 1u);
        sign++;
    }
    wipe(&stream, sizeof stream);
}
