// SPDX-License-Identifier: MIT OR Apache-2.0
#include "keccak.h"

#include "little_endian.h"
#include "wipe.h"

enum {
    LANE_SIZE = 8,
};

// Exchanges the bits under `mask` with those `shift` places above them.
static uint32_t swap_bits(uint32_t value, uint32_t mask, unsigned shift)
{
    uint32_t difference = (value ^ (value >> shift)) & mask;

    return value ^ difference ^ (difference << shift);
}

// Even bits to the lower half, odd bits to the upper half, both in order.
static uint32_t unshuffle(uint32_t value)
{
    value = swap_bits(value, 0x22222222u, 1);
    value = swap_bits(value, 0x0c0c0c0cu, 2);
    value = swap_bits(value, 0x00f000f0u, 4);
    return swap_bits(value, 0x0000ff00u, 8);
}

// The inverse of unshuffle.
static uint32_t shuffle(uint32_t value)
{
    value = swap_bits(value, 0x0000ff00u, 8);
    value = swap_bits(value, 0x00f000f0u, 4);
    value = swap_bits(value, 0x0c0c0c0cu, 2);
    return swap_bits(value, 0x22222222u, 1);
}

// Adds 8 bytes, as two little-endian words, to a lane.
static void add_lane(uint32_t lane[2], uint32_t low, uint32_t high)
{
    low = unshuffle(low);
    high = unshuffle(high);
    lane[0] ^= (low & 0xffffu) | (high << 16);
    lane[1] ^= (low >> 16) | (high & 0xffff0000u);
}

// The 8 bytes of a lane.
static void extract_lane(const uint32_t lane[2], uint8_t bytes[LANE_SIZE])
{
    uint32_t even = lane[0];
    uint32_t odd = lane[1];

    store32_le(bytes, shuffle((even & 0xffffu) | (odd << 16)));
    store32_le(bytes + 4, shuffle((even >> 16) | (odd & 0xffff0000u)));
}

// Adds n bytes to one lane from byte `offset` of it on; offset + n is at most 8.
static void add_part(uint32_t lane[2], size_t offset, const uint8_t *data, size_t n)
{
    uint32_t word[2] = {0, 0};

    for (size_t i = offset; i < offset + n; i++) {
        word[i / 4] |= (uint32_t)*data++ << (8 * (i % 4));
    }
    add_lane(lane, word[0], word[1]);
}

static void extract_part(const uint32_t lane[2], size_t offset, uint8_t *out, size_t n)
{
    uint8_t bytes[LANE_SIZE];

    extract_lane(lane, bytes);
    for (size_t i = 0; i < n; i++) {
        out[i] = bytes[offset + i];
    }
    wipe(bytes, sizeof bytes);
}

// How many of n bytes from `offset` on belong to the lane in which they begin.
static size_t part_length(size_t offset, size_t n)
{
    size_t room = LANE_SIZE - offset % LANE_SIZE;

    return n < room ? n : room;
}

void keccak_add_bytes(struct keccak_state *state, size_t offset, const uint8_t *data, size_t n)
{
    uint32_t (*lane)[2] = &state->lane[offset / LANE_SIZE];

    if (offset % LANE_SIZE != 0) {
        size_t part = part_length(offset, n);
        add_part(*lane++, offset % LANE_SIZE, data, part);
        data += part;
        n -= part;
    }
    for (; n >= LANE_SIZE; n -= LANE_SIZE) {
        add_lane(*lane++, load32_le(data), load32_le(data + 4));
        data += LANE_SIZE;
    }
    if (n > 0) {
        add_part(*lane, 0, data, n);
    }
}

void keccak_extract_bytes(const struct keccak_state *state, size_t offset, uint8_t *out, size_t n)
{
    const uint32_t (*lane)[2] = &state->lane[offset / LANE_SIZE];

    if (offset % LANE_SIZE != 0) {
        size_t part = part_length(offset, n);
        extract_part(*lane++, offset % LANE_SIZE, out, part);
        out += part;
        n -= part;
    }
    for (; n >= LANE_SIZE; n -= LANE_SIZE) {
        extract_lane(*lane++, out);
        out += LANE_SIZE;
    }
    if (n > 0) {
        extract_part(*lane, 0, out, n);
    }
}

#if !(defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__) || defined(__ARM_ARCH_8M_MAIN__)) ||                       \
    defined(KECCAK_PORTABLE)

enum {
    ROUNDS = 24,
};

// FIPS 202, algorithm 5, interleaved like a lane.
static const uint32_t round_constants[ROUNDS][2] = {
    {0x00000001, 0x00000000}, {0x00000000, 0x00000089}, {0x00000000, 0x8000008b}, {0x00000000, 0x80008080},
    {0x00000001, 0x0000008b}, {0x00000001, 0x00008000}, {0x00000001, 0x80008088}, {0x00000001, 0x80000082},
    {0x00000000, 0x0000000b}, {0x00000000, 0x0000000a}, {0x00000001, 0x00008082}, {0x00000000, 0x00008003},
    {0x00000001, 0x0000808b}, {0x00000001, 0x8000000b}, {0x00000001, 0x8000008a}, {0x00000001, 0x80000081},
    {0x00000000, 0x80000081}, {0x00000000, 0x80000008}, {0x00000000, 0x00000083}, {0x00000000, 0x80008003},
    {0x00000001, 0x80008088}, {0x00000000, 0x80000088}, {0x00000001, 0x00008000}, {0x00000000, 0x80008082},
};

static inline uint32_t rotate_word(uint32_t word, unsigned left)
{
    left &= 31u;
    return left == 0 ? word : (word << left) | (word >> (32 - left));
}

// to = from rotated left by `left` bits as a 64-bit lane, plus effect before the rotation: theta and rho for one lane.
static inline void move_lane(uint32_t to[2], const uint32_t from[2], const uint32_t effect[2], unsigned left)
{
    uint32_t even = from[0] ^ effect[0];
    uint32_t odd = from[1] ^ effect[1];

    to[0] = rotate_word(left % 2 == 0 ? even : odd, (left + 1) / 2);
    to[1] = rotate_word(left % 2 == 0 ? odd : even, left / 2);
}

// FIPS 202, algorithm 1, first two steps: what is to be added to every lane of column x.
static inline void theta_effects(uint32_t effect[5][2], const uint32_t lane[KECCAK_LANES][2])
{
    uint32_t parity[5][2];

    for (unsigned x = 0; x < 5; x++) {
        for (unsigned half = 0; half < 2; half++) {
            parity[x][half] =
                lane[x][half] ^ lane[x + 5][half] ^ lane[x + 10][half] ^ lane[x + 15][half] ^ lane[x + 20][half];
        }
    }
    for (unsigned x = 0; x < 5; x++) {
        effect[x][0] = parity[(x + 4) % 5][0] ^ rotate_word(parity[(x + 1) % 5][1], 1);
        effect[x][1] = parity[(x + 4) % 5][1] ^ parity[(x + 1) % 5][0];
    }
}

// FIPS 202, algorithms 1 (last step), 2 and 3: lane (x, y) goes to (y, 2x + 3y), rotated by its offset of table 2.
static inline void theta_rho_pi(uint32_t to[KECCAK_LANES][2], const uint32_t from[KECCAK_LANES][2],
                                const uint32_t effect[5][2])
{
    move_lane(to[0], from[0], effect[0], 0);
    move_lane(to[10], from[1], effect[1], 1);
    move_lane(to[20], from[2], effect[2], 62);
    move_lane(to[5], from[3], effect[3], 28);
    move_lane(to[15], from[4], effect[4], 27);
    move_lane(to[16], from[5], effect[0], 36);
    move_lane(to[1], from[6], effect[1], 44);
    move_lane(to[11], from[7], effect[2], 6);
    move_lane(to[21], from[8], effect[3], 55);
    move_lane(to[6], from[9], effect[4], 20);
    move_lane(to[7], from[10], effect[0], 3);
    move_lane(to[17], from[11], effect[1], 10);
    move_lane(to[2], from[12], effect[2], 43);
    move_lane(to[12], from[13], effect[3], 25);
    move_lane(to[22], from[14], effect[4], 39);
    move_lane(to[23], from[15], effect[0], 41);
    move_lane(to[8], from[16], effect[1], 45);
    move_lane(to[18], from[17], effect[2], 15);
    move_lane(to[3], from[18], effect[3], 21);
    move_lane(to[13], from[19], effect[4], 8);
    move_lane(to[14], from[20], effect[0], 18);
    move_lane(to[24], from[21], effect[1], 2);
    move_lane(to[9], from[22], effect[2], 61);
    move_lane(to[19], from[23], effect[3], 56);
    move_lane(to[4], from[24], effect[4], 14);
}

// FIPS 202, algorithm 4, for the five lanes of one row.
static inline void chi_row(uint32_t to[5][2], const uint32_t from[5][2])
{
    for (unsigned x = 0; x < 5; x++) {
        for (unsigned half = 0; half < 2; half++) {
            to[x][half] = from[x][half] ^ (~from[(x + 1) % 5][half] & from[(x + 2) % 5][half]);
        }
    }
}

static inline void chi(uint32_t to[KECCAK_LANES][2], const uint32_t from[KECCAK_LANES][2])
{
    chi_row(to, from);
    chi_row(to + 5, from + 5);
    chi_row(to + 10, from + 10);
    chi_row(to + 15, from + 15);
    chi_row(to + 20, from + 20);
}

// Works on a copy: what is at a fixed place of the function's own needs no check in a sanitized build.
void keccak_f1600(struct keccak_state *state)
{
    struct keccak_state now = *state;
    struct keccak_state moved;
    uint32_t effect[5][2];

    for (unsigned round = 0; round < ROUNDS; round++) {
        theta_effects(effect, (const uint32_t (*)[2])now.lane);
        theta_rho_pi(moved.lane, (const uint32_t (*)[2])now.lane, (const uint32_t (*)[2])effect);
        chi(now.lane, (const uint32_t (*)[2])moved.lane);
        now.lane[0][0] ^= round_constants[round][0];
        now.lane[0][1] ^= round_constants[round][1];
    }
    *state = now;
    wipe(&now, sizeof now);
    wipe(&moved, sizeof moved);
    wipe(effect, sizeof effect);
}

#endif
