/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New inputs from old ones. Three kinds of change: of the script's structure (steps come, go, change places; whole
 * requests are put in), of what the guest compared (one operand is found in the input and replaced by the other, or a
 * length is made what it was compared with), and the engine's own.
 */
#include "engine_internal.h"
#include "script.h"

#include <string.h>

#define STEPS_MAX 512u
#define WORK_SIZE (1u << 17)
#define COMPARES_MAX 1024u
#define PLACES 4096u /* of compares; a power of two */
#define CANDIDATES 8
#define ANEW 5 /* one mutation in so many is a new script */

struct random {
    uint32_t state;
};

static struct {
    const struct engine_text *snippets;
    size_t snippet_count;
    const struct engine_text *tokens;
    size_t token_count;
    uint8_t work[WORK_SIZE];
    struct script_step steps[STEPS_MAX];
    size_t step_count;
    struct engine_compare compares[COMPARES_MAX];
    size_t compare_count;
    uint64_t compares_of; /* the input that made them */
    uint32_t attempts[PLACES];
} m;

/* An input while it changes. */
struct text {
    uint8_t *data;
    size_t size;
    size_t max;
};

void mutator_use(const struct engine_text *snippets, size_t snippet_count, const struct engine_text *tokens,
                 size_t token_count)
{
    m.snippets = snippets;
    m.snippet_count = snippet_count;
    m.tokens = tokens;
    m.token_count = token_count;
    m.compare_count = 0; /* what another engine's runs have taught is of no use */
    m.compares_of = 0;
    memset(m.attempts, 0, sizeof m.attempts);
}

static uint32_t draw(struct random *r)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 17;
    r->state ^= r->state << 5;
    return r->state;
}

static uint32_t below(struct random *r, size_t n)
{
    return n == 0 ? 0 : draw(r) % (uint32_t)n;
}

/* ---- pieces ---- */

/* Replaces `count` bytes at `at` by others; false, and nothing done, where there is no room. */
static bool replace(struct text *t, size_t at, size_t count, const uint8_t *by, size_t size)
{
    if (t->size - count + size > t->max || size > WORK_SIZE) {
        return false;
    }
    if (size != 0) {
        memcpy(m.work, by, size); /* `by` may lie in the text itself */
    }
    memmove(t->data + at + size, t->data + at + count, t->size - at - count);
    memcpy(t->data + at, m.work, size);
    t->size = t->size - count + size;
    return true;
}

static void parse(const struct text *t)
{
    size_t at = 0;
    m.step_count = 0;
    while (m.step_count < STEPS_MAX && script_next(t->data, t->size, at, &m.steps[m.step_count])) {
        at = m.steps[m.step_count++].end;
    }
}

/* Where a step begins; behind the last one with the greatest index. */
static size_t boundary(const struct text *t, size_t index)
{
    return index < m.step_count ? m.steps[index].begin : t->size;
}

static const struct engine_text *pick_snippet(struct random *r)
{
    return m.snippet_count == 0 ? NULL : &m.snippets[below(r, m.snippet_count)];
}

/* A number that is more often a border than chance would have it. */
static uint32_t number(struct random *r, uint32_t old)
{
    static const uint32_t borders[] = {0,     1,     2,      4,     7,          8,          12,         16,
                                       31,    32,    64,     99,    100,        127,        128,        255,
                                       256,   999,   1000,   4096,  0x7FFF,     0x8000,     0xFFF0,     0xFFFF,
                                       65536, 65544, 100000, 99999, 0x7FFFFFFF, 0x80000000, 0xFFFFFC18, 0xFFFFFFFF};
    switch (below(r, 4)) {
    case 0:
        return borders[below(r, sizeof borders / sizeof borders[0])];
    case 1:
        return old + below(r, 17) - 8u;
    case 2:
        return old ^ 1u << below(r, 32);
    default:
        return draw(r) >> below(r, 32);
    }
}

static void store(uint8_t *at, uint32_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

/* ---- structure ---- */

static bool change_argument(struct text *t, struct random *r, const struct script_step *s)
{
    size_t at = s->begin + 1;
    size_t arguments = 0;
    while (arguments < 3 && script_widths[s->op][arguments] != 0) {
        arguments++;
    }
    if (arguments == 0 || s->op == SCRIPT_BYTES) {
        return false;
    }
    size_t chosen = below(r, arguments);
    for (size_t i = 0; i < chosen; i++) {
        at += script_widths[s->op][i];
    }
    size_t width = script_widths[s->op][chosen];
    if (at + width > t->size) {
        return false;
    }
    store(t->data + at, number(r, script_number(t->data, t->size, at, width)), width);
    return true;
}

static bool change_bytes(struct text *t, struct random *r, const struct script_step *s)
{
    size_t begin = (size_t)(s->bytes - t->data);
    if (s->op != SCRIPT_BYTES || s->begin + 2 > t->size) {
        return false;
    }
    uint32_t at = below(r, (size_t)s->a + 1u);
    uint8_t one = (uint8_t)draw(r);
    struct engine_text with = {&one, 1};
    if (m.token_count != 0 && below(r, 4) != 0) {
        with = m.tokens[below(r, m.token_count)];
    }
    if (below(r, 2) && at + with.size <= s->a) {
        memcpy(t->data + begin + at, with.bytes, with.size);
        return true;
    }
    if (s->a + with.size > 255u || !replace(t, begin + at, 0, with.bytes, with.size)) {
        return false;
    }
    t->data[s->begin + 1] = (uint8_t)(s->a + with.size);
    return true;
}

static bool cut_bytes(struct text *t, struct random *r, const struct script_step *s)
{
    if (s->op != SCRIPT_BYTES || s->a == 0 || s->begin + 2 > t->size) {
        return false;
    }
    uint32_t keep = below(r, s->a);
    size_t begin = (size_t)(s->bytes - t->data);
    replace(t, begin + keep, s->a - keep, NULL, 0);
    t->data[s->begin + 1] = (uint8_t)keep;
    return true;
}

/* One small step at a boundary: time, keys, a race, a repetition, a lie about the length, a changed bit. */
static bool insert_step(struct text *t, struct random *r, size_t at)
{
    static const enum script_op ops[] = {SCRIPT_CLOCK, SCRIPT_KEYS,   SCRIPT_RACE,  SCRIPT_REPEAT,
                                         SCRIPT_CLAIM, SCRIPT_FLIP,   SCRIPT_RING,  SCRIPT_FILL,
                                         SCRIPT_SEND,  SCRIPT_REPLAY, SCRIPT_WINDOW};
    static const int32_t times[] = {1, 999, 1000, 5000, 99000, 99999, 100000, 100001, 1000000, -1, -1000, -100000};
    enum script_op op = ops[below(r, sizeof ops / sizeof ops[0])];
    uint8_t step[8] = {(uint8_t)op};
    size_t size = 1;
    for (int i = 0; i < 3; i++) {
        uint32_t value = number(r, 0);
        if (op == SCRIPT_CLOCK) {
            value = i == 0 ? (uint32_t)times[below(r, sizeof times / sizeof times[0])] : draw(r) % 128u;
            value = i == 1 && value >= 32 ? 0 : value; /* mostly not shifted */
        } else if (op == SCRIPT_REPEAT) {
            value = below(r, 8) == 0 ? 101 : 1u + below(r, 3);
        } else if (op == SCRIPT_RACE && i == 0) {
            value = below(r, below(r, 2) ? 32 : 512);
        }
        store(step + size, value, script_widths[op][i]);
        size += script_widths[op][i];
    }
    return replace(t, at, 0, step, size);
}

static bool insert_snippet(struct text *t, struct random *r, size_t at, size_t instead_of)
{
    const struct engine_text *snippet = pick_snippet(r);
    return snippet != NULL && replace(t, at, instead_of, snippet->bytes, snippet->size);
}

/* Copies some steps to another place: requests that come again, in another order. */
static bool copy_steps(struct text *t, struct random *r, size_t first, size_t count)
{
    size_t begin = boundary(t, first);
    size_t end = boundary(t, first + count);
    return replace(t, boundary(t, below(r, m.step_count + 1u)), 0, t->data + begin, end - begin);
}

static bool change_structure(struct text *t, struct random *r)
{
    parse(t);
    size_t index = below(r, m.step_count);
    size_t count = 1u + below(r, below(r, 3) ? 2 : 8);
    const struct script_step *s = &m.steps[index];
    size_t anywhere = boundary(t, below(r, m.step_count + 1u));
    switch (m.step_count == 0 ? 0u : below(r, 11)) {
    case 0:
        return insert_snippet(t, r, anywhere, 0);
    case 1:
        return insert_snippet(t, r, t->size, 0);
    case 2:
        return insert_snippet(t, r, s->begin, boundary(t, index + count) - s->begin);
    case 3:
        return replace(t, s->begin, boundary(t, index + count) - s->begin, NULL, 0);
    case 4:
        return copy_steps(t, r, index, count);
    case 5:
        return cut_bytes(t, r, s);
    case 6:
    case 7:
        return change_bytes(t, r, s);
    case 8:
        return insert_step(t, r, anywhere);
    default:
        return change_argument(t, r, s) || change_bytes(t, r, s);
    }
}

/* ---- from input to state ---- */

static void take_compares(uint64_t input)
{
    const struct engine *e = engine_current();
    struct engine_compare *compares = NULL;
    size_t count = e->compares(e->core, &compares);
    m.compare_count = count < COMPARES_MAX ? count : COMPARES_MAX;
    if (m.compare_count != 0) {
        memcpy(m.compares, compares, m.compare_count * sizeof *compares);
    }
    m.compares_of = input;
}

/* The operands that belong to this input: of the run just now if it was this one, else of another run. */
static bool know_compares(const struct text *t, struct random *r)
{
    const struct engine *e = engine_current();
    uint64_t input = engine_digest(t->data, t->size);
    if (e->run == NULL || e->compares == NULL) {
        return false;
    }
    if (m.compares_of != input && engine_last_input() == input) {
        take_compares(input);
    } else if (m.compares_of != input) {
        if (below(r, 4) != 0) {
            return false;
        }
        e->run(e->executor, t->data, t->size);
        take_compares(input);
    }
    return m.compare_count != 0;
}

static bool find(const struct text *t, struct random *r, const uint8_t *pattern, size_t width, size_t *at)
{
    if (t->size < width) {
        return false;
    }
    size_t places = t->size - width + 1;
    size_t start = below(r, places);
    for (size_t i = 0; i < places; i++) {
        *at = (start + i) % places;
        if (memcmp(t->data + *at, pattern, width) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t swapped(uint32_t value, size_t width)
{
    uint32_t out = 0;
    for (size_t i = 0; i < width; i++) {
        out |= (value >> (8 * i) & 0xFFu) << (8 * (width - 1 - i));
    }
    return out;
}

/* Replaces an operand of `width` bytes where the input has it, in either order of the bytes. */
static bool replace_operand(struct text *t, struct random *r, uint32_t from, uint32_t to, size_t width)
{
    uint8_t pattern[4];
    size_t at;
    bool swap = width > 1 && below(r, 4) == 0;
    store(pattern, swap ? swapped(from, width) : from, width);
    if (!find(t, r, pattern, width, &at)) {
        return false;
    }
    store(t->data + at, swap ? swapped(to, width) : to, width);
    return true;
}

/* The first SEND at or behind a step picked by chance, round the end; false where there is none. */
static bool pick_send(struct random *r, size_t *at)
{
    size_t index = below(r, m.step_count);
    for (size_t i = 0; i < m.step_count; i++) {
        const struct script_step *s = &m.steps[(index + i) % m.step_count];
        if (s->op == SCRIPT_SEND) {
            *at = s->begin;
            return true;
        }
    }
    return false;
}

/* Appends to a request, or takes from what it is made of. */
static bool change_length(struct text *t, struct random *r, int64_t more)
{
    size_t at;
    parse(t);
    size_t index = below(r, m.step_count);
    if (more > 0 && more <= UINT16_MAX && pick_send(r, &at)) {
        uint8_t step[4] = {SCRIPT_FILL};
        store(step + 1, (uint32_t)more, 2);
        return replace(t, at, 0, step, sizeof step);
    }
    for (size_t i = 0; i < m.step_count && more < 0; i++) {
        const struct script_step *s = &m.steps[(index + i) % m.step_count];
        if (s->op == SCRIPT_BYTES && s->a >= (uint64_t)-more && s->begin + 2 <= t->size) {
            uint32_t keep = s->a - (uint32_t)-more;
            replace(t, (size_t)(s->bytes - t->data) + keep, (size_t)-more, NULL, 0);
            t->data[s->begin + 1] = (uint8_t)keep;
            return true;
        }
        if (s->op == SCRIPT_FILL && s->a >= (uint64_t)-more && s->begin + 3 <= t->size) {
            store(t->data + s->begin + 1, s->a - (uint32_t)-more, 2);
            return true;
        }
    }
    return false;
}

/* Puts one step with a number from a compare before a SEND: a claimed length, or changed bits near the beginning. */
static bool insert_number(struct text *t, struct random *r, uint32_t from, uint32_t to)
{
    uint8_t step[5] = {SCRIPT_CLAIM};
    size_t at, size = 5;
    parse(t);
    if (!pick_send(r, &at)) {
        return false;
    }
    store(step + 1, to, 4);
    if (from <= UINT8_MAX && to <= UINT8_MAX) {
        step[0] = SCRIPT_FLIP;
        store(step + 1, below(r, below(r, 2) ? 8 : 64), 2);
        step[3] = (uint8_t)(from ^ to);
        size = 4;
    }
    return replace(t, at, 0, step, size);
}

struct replacement {
    uint32_t from;
    uint32_t to;
    uint32_t *attempts;
};

/* An attempt that changed the input counts for so many that found nothing to change. */
#define ATTEMPT_MADE 8u

/*
 * A compare, in one of its two directions. Of some that chance offers, it is the one whose place in the code was tried
 * least: a loop compares often and leads nowhere, a check that was just reached for the first time has its turn at
 * once.
 */
static struct replacement pick_compare(struct random *r)
{
    const struct engine_compare *best = NULL;
    uint32_t *fewest = NULL;
    for (int i = 0; i < CANDIDATES; i++) {
        const struct engine_compare *c = &m.compares[below(r, m.compare_count)];
        uint32_t *attempts = &m.attempts[(c->pc >> 1) % PLACES];
        if (best == NULL || *attempts < *fewest) {
            best = c;
            fewest = attempts;
        }
    }
    ++*fewest;
    return below(r, 2) ? (struct replacement){best->left, best->right, fewest}
                       : (struct replacement){best->right, best->left, fewest};
}

/* Numbers of more than a byte are rarely in the input by chance: whatever is found there is worth replacing. */
static bool replace_large(struct text *t, struct random *r)
{
    for (int tries = 0; tries < 32; tries++) {
        struct replacement c = pick_compare(r);
        uint32_t larger = c.from > c.to ? c.from : c.to;
        if (larger > UINT8_MAX && replace_operand(t, r, c.from, c.to, larger > UINT16_MAX ? 4 : 2)) {
            *c.attempts += ATTEMPT_MADE;
            return true;
        }
    }
    return false;
}

/* Lets equal bytes be others: what is compared with a byte may be all of them. */
static bool change_fill(struct text *t, struct random *r, uint32_t to)
{
    parse(t);
    size_t index = below(r, m.step_count);
    for (size_t i = 0; i < m.step_count; i++) {
        const struct script_step *s = &m.steps[(index + i) % m.step_count];
        if (s->op == SCRIPT_FILL && s->begin + 4 <= t->size) {
            t->data[s->begin + 3] = (uint8_t)to;
            return true;
        }
    }
    return false;
}

/* A number of one byte, or one that is a length: tried in all the ways that could have led to it. */
static bool replace_small(struct text *t, struct random *r, uint32_t from, uint32_t to)
{
    int64_t more = (int64_t)to - (int64_t)from;
    switch (below(r, engine_current()->raw ? 2 : 7)) {
    case 0:
        return replace_operand(t, r, from, to, 1);
    case 1:
        return replace_operand(t, r, from, to, 2);
    case 2:
        return insert_number(t, r, from, to);
    case 3:
        return change_length(t, r, more);
    case 4:
        return to <= UINT8_MAX && change_fill(t, r, to);
    default:
        /* A length and what it counts, together. */
        return replace_operand(t, r, from, to, 1u + below(r, 2)) && change_length(t, r, more);
    }
}

static bool use_compare(struct text *t, struct random *r)
{
    if (!know_compares(t, r)) {
        return false;
    }
    if (below(r, 5) < 2 && replace_large(t, r)) {
        return true;
    }
    for (int tries = 0; tries < 4; tries++) {
        struct replacement c = pick_compare(r);
        if (replace_small(t, r, c.from, c.to + (below(r, 8) == 0 ? below(r, 3) - 1u : 0u))) {
            *c.attempts += ATTEMPT_MADE;
            return true;
        }
    }
    return false;
}

/* ---- all together ---- */

static bool mutate_once(struct text *t, struct random *r, size_t (*mutate_anyhow)(uint8_t *, size_t, size_t))
{
    uint32_t how = below(r, 100);
    if (how < 50 && use_compare(t, r)) {
        return true;
    }
    if (how < 85 && !engine_current()->raw && change_structure(t, r)) {
        return true;
    }
    if (mutate_anyhow == NULL) {
        return !engine_current()->raw && change_structure(t, r);
    }
    t->size = mutate_anyhow(t->data, t->size, t->max);
    return true;
}

/* A new script of a few snippets: what is known to make sense has its turn whatever the corpus has come to. */
static bool begin_anew(struct text *t, struct random *r)
{
    uint32_t count = 1u + below(r, 3);
    size_t old = t->size;
    t->size = 0;
    for (uint32_t i = 0; i < count; i++) {
        insert_snippet(t, r, t->size, 0);
    }
    if (t->size == 0) { /* none fits: the input is still there */
        t->size = old;
        return false;
    }
    return true;
}

size_t mutator_mutate(uint8_t *data, size_t size, size_t max_size, uint32_t seed,
                      size_t (*mutate_anyhow)(uint8_t *data, size_t size, size_t max_size))
{
    struct random r = {seed * 0x9E3779B1u ^ 0x5DEECE66u};
    struct text t = {data, size, max_size};
    r.state += r.state == 0;
    if (!engine_current()->raw && m.snippet_count != 0 && below(&r, ANEW) == 0 && begin_anew(&t, &r)) {
        return t.size;
    }
    uint32_t times = 1u + (below(&r, 4) == 0 ? below(&r, 4) : 0u);
    for (uint32_t i = 0; i < times; i++) {
        mutate_once(&t, &r, mutate_anyhow);
    }
    return t.size;
}
