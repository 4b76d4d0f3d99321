/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many needles in memory that is mostly zero. The needles are all runs of PIECE bytes of one buffer that begin at a
 * multiple of STRIDE in it: whatever has PIECE + STRIDE - 1 bytes in common with the buffer is found.
 */
#include "core.h"

#include <stdlib.h>
#include <string.h>

#define PIECE 8u
#define STRIDE 4u
#define BLOCK 1024u
#define VALUES_LEAST 4 /* distinct bytes: runs with fewer are found everywhere and tell nothing */

struct core_needles {
    const uint8_t *text;
    uint32_t *heads; /* by hash: 1 + index of a piece, 0 for none */
    uint32_t *next;  /* by piece: the same, of those with its hash */
    uint8_t *tags;   /* by piece: those of its secret */
    uint32_t mask;
};

static uint64_t load(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

static uint32_t hash_of(uint64_t value)
{
    return (uint32_t)((value * 0x9E3779B97F4A7C15u) >> 40); /* Fibonacci hashing */
}

static bool tells_something(const uint8_t *piece)
{
    unsigned distinct = 0;
    for (unsigned i = 0; i < PIECE; i++) {
        unsigned before = 0;
        while (before < i && piece[before] != piece[i]) {
            before++;
        }
        distinct += before == i;
    }
    return distinct >= VALUES_LEAST;
}

core_needles *core_needles_new(const uint8_t *text, const uint32_t *ends, const uint8_t *tags, size_t count)
{
    core_needles *n = calloc(1, sizeof *n);
    uint32_t size = count > 0 ? ends[count - 1] : 0;
    uint32_t buckets = 256;
    while (buckets < size / STRIDE && buckets < 1u << 24) {
        buckets *= 2;
    }
    if (n == NULL) {
        return NULL;
    }
    n->text = text;
    n->mask = buckets - 1;
    n->heads = calloc(buckets, sizeof *n->heads);
    n->next = calloc(size / STRIDE + 1, sizeof *n->next);
    n->tags = calloc(size / STRIDE + 1, sizeof *n->tags);
    if (n->heads == NULL || n->next == NULL || n->tags == NULL) {
        core_needles_free(n);
        return NULL;
    }
    uint32_t begin = 0;
    for (size_t i = 0; i < count; i++) {
        for (uint32_t at = begin; at + PIECE <= ends[i]; at += STRIDE) {
            if (tells_something(text + at)) {
                uint32_t bucket = hash_of(load(text + at)) & n->mask;
                n->next[at / STRIDE] = n->heads[bucket];
                n->heads[bucket] = at / STRIDE + 1;
                n->tags[at / STRIDE] = tags[i];
            }
        }
        begin = (ends[i] + STRIDE - 1) / STRIDE * STRIDE;
    }
    return n;
}

void core_needles_free(core_needles *n)
{
    if (n != NULL) {
        free(n->heads);
        free(n->next);
        free(n->tags);
        free(n);
    }
}

static size_t search_block(const core_needles *n, const uint8_t *memory, uint32_t begin, uint32_t end, uint8_t passed,
                           struct core_match *out, size_t max)
{
    size_t found = 0;
    for (uint32_t at = begin; at < end; at++) {
        uint64_t value = load(memory + at);
        if (value == 0) {
            continue;
        }
        for (uint32_t i = n->heads[hash_of(value) & n->mask]; i != 0 && found < max; i = n->next[i - 1]) {
            if (load(n->text + (i - 1) * STRIDE) == value && !(n->tags[i - 1] & passed)) {
                out[found++] = (struct core_match){.memory = at, .text = (i - 1) * STRIDE};
            }
        }
    }
    return found;
}

size_t core_search(const core_needles *n, const uint8_t *memory, uint32_t size, uint8_t passed, struct core_match *out,
                   size_t max)
{
    static const uint8_t zeros[BLOCK + PIECE];
    size_t found = 0;
    for (uint32_t begin = 0; begin + PIECE <= size && found < max; begin += BLOCK) {
        uint32_t last = size - PIECE + 1;
        uint32_t end = begin + BLOCK < last ? begin + BLOCK : last;
        if (memcmp(memory + begin, zeros, end - begin + PIECE - 1) != 0) {
            found += search_block(n, memory, begin, end, passed, out + found, max - found);
        }
    }
    return found;
}
