/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of a script's structure: steps come, go, change places; whole requests are put in. */
#include "mutation.h"

#include <string.h>

#define STEP_SIZE_MAX 8u

static struct {
    const struct engine_text *snippets;
    size_t snippet_count;
    const struct engine_text *tokens;
    size_t token_count;
    const struct engine_count *counts;
    size_t count_count;
} m;

void structure_use(const struct engine_text *snippets, size_t snippet_count, const struct engine_text *tokens,
                   size_t token_count)
{
    m.snippets = snippets;
    m.snippet_count = snippet_count;
    m.tokens = tokens;
    m.token_count = token_count;
}

void structure_use_counts(const struct engine_count *counts, size_t count)
{
    m.counts = counts;
    m.count_count = count;
}

/* Where a step begins; behind the last one with the greatest index. */
static size_t boundary(const struct text *t, const struct steps *steps, size_t index)
{
    return index < steps->count ? steps->list[index].begin : t->size;
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

/* A small step of chance: time, keys, a race, a repetition, a lie about the length, a changed bit. Returns its size. */
static size_t make_step(struct random *r, enum script_op op, uint8_t *step)
{
    static const int32_t times[] = {1, 999, 1000, 5000, 99000, 99999, 100000, 100001, 1000000, -1, -1000, -100000};
    size_t size = 1;
    step[0] = (uint8_t)op;
    for (int i = 0; i < 3; i++) {
        uint32_t value = number(r, 0);
        if (op == SCRIPT_CLOCK) {
            value = i == 0 ? (uint32_t)times[below(r, sizeof times / sizeof times[0])] : draw(r) % 128u;
            value = i == 1 && value >= 32 ? 0 : value; /* mostly not shifted */
        } else if (op == SCRIPT_REPEAT) {
            value = below(r, 8) == 0 ? 101 : 1u + below(r, 3);
        } else if (op == SCRIPT_RACE && i == 0) {
            value = below(r, below(r, 2) ? 32 : 512);
        } else if (op == SCRIPT_KEYS) {
            value = below(r, 16);
        }
        store(step + size, value, script_widths[op][i]);
        size += script_widths[op][i];
    }
    return size;
}

static bool insert_step(struct text *t, struct random *r, size_t at)
{
    static const enum script_op ops[] = {SCRIPT_CLOCK, SCRIPT_KEYS,   SCRIPT_RACE,  SCRIPT_REPEAT,
                                         SCRIPT_CLAIM, SCRIPT_FLIP,   SCRIPT_RING,  SCRIPT_FILL,
                                         SCRIPT_SEND,  SCRIPT_REPLAY, SCRIPT_WINDOW};
    uint8_t step[STEP_SIZE_MAX];
    size_t size = make_step(r, ops[below(r, sizeof ops / sizeof ops[0])], step);
    return replace(t, at, 0, step, size);
}

/* The world changes, and the request before is asked again; up to three times: what has to be kept shows then. */
static bool ask_again(struct text *t, struct random *r, size_t at)
{
    uint8_t steps[3 * 2 * STEP_SIZE_MAX];
    size_t size = 0;
    uint32_t count = 1u + below(r, 3);
    for (uint32_t i = 0; i < count; i++) {
        size += make_step(r, below(r, 4) == 0 ? SCRIPT_CLOCK : SCRIPT_KEYS, steps + size);
        steps[size++] = SCRIPT_REPEAT;
        steps[size++] = 1;
    }
    return replace(t, at, 0, steps, size);
}

static bool insert_snippet(struct text *t, struct random *r, size_t at, size_t instead_of)
{
    const struct engine_text *snippet = pick_snippet(r);
    return snippet != NULL && replace(t, at, instead_of, snippet->bytes, snippet->size);
}

/* Copies some steps to another place: requests that come again, in another order. */
static bool copy_steps(struct text *t, struct random *r, const struct steps *steps, size_t first, size_t count)
{
    size_t begin = boundary(t, steps, first);
    size_t end = boundary(t, steps, first + count);
    return replace(t, boundary(t, steps, below(r, steps->count + 1u)), 0, t->data + begin, end - begin);
}

#define ANY_COUNT UINT32_MAX

static uint32_t counted_by(const struct engine_count *c, const struct script_step *s)
{
    return script_number(s->bytes, s->a, c->at, c->width);
}

/* The counted field, with that count, of the first request that is sent at or behind `at` and begins with BYTES. */
static const struct engine_count *pick_count(const struct steps *steps, size_t at, uint32_t count, size_t *first)
{
    const struct engine_count *found = NULL;
    *first = 0;
    for (size_t i = 0, begin = 0; i < steps->count && found == NULL; i++) {
        const struct script_step *s = &steps->list[i];
        const struct script_step *fields = &steps->list[begin];
        bool sends = s->op == SCRIPT_SEND && s->begin >= at && fields->op == SCRIPT_BYTES;
        for (size_t k = 0; sends && k < m.count_count; k++) {
            const struct engine_count *c = &m.counts[k];
            if (c->type == (uint8_t)s->a && fields->a >= (uint32_t)c->at + c->width &&
                (count == ANY_COUNT || count == counted_by(c, fields))) {
                found = c;
                *first = begin;
            }
        }
        if (s->op == SCRIPT_SEND || s->op == SCRIPT_SEND_RAW || s->op == SCRIPT_WINDOW) {
            begin = i + 1;
        }
    }
    return found;
}

/* Splits the step of BYTES that has the count; the new bytes are a step of their own. */
static bool grow(struct text *t, const struct engine_count *c, const struct script_step *s, uint32_t more,
                 uint8_t value)
{
    size_t before = (size_t)c->at + c->width;
    uint32_t counted = counted_by(c, s);
    uint8_t made[2 * (2 + UINT8_MAX) + 4] = {SCRIPT_BYTES, (uint8_t)before};
    size_t size = 2;
    memcpy(made + size, s->bytes, before);
    store(made + size + c->at, counted + more, c->width);
    size += before;
    made[size] = SCRIPT_FILL;
    store(made + size + 1, more, 2);
    made[size + 3] = value;
    made[size + 4] = SCRIPT_BYTES;
    made[size + 5] = (uint8_t)(s->a - before);
    size += 6;
    memcpy(made + size, s->bytes + before, s->a - before);
    return replace(t, s->begin, s->end - s->begin, made, size + s->a - before);
}

static uint32_t most_of(const struct engine_count *c)
{
    return c->width == 1 ? UINT8_MAX : UINT16_MAX;
}

bool grow_field(struct text *t, struct random *r, size_t at, uint8_t value)
{
    static const uint32_t sizes[] = {1, 2, 3, 4, 8, 12, 16, 31, 32, 64, 100, 128, 200, 255, 256, 1000};
    const struct steps *steps = parse(t);
    size_t first;
    const struct engine_count *c = pick_count(steps, at, ANY_COUNT, &first);
    if (c == NULL) {
        return false;
    }
    const struct script_step *s = &steps->list[first];
    uint32_t room = most_of(c) - counted_by(c, s);
    uint32_t more = below(r, 2) ? sizes[below(r, sizeof sizes / sizeof sizes[0])] : 1u + below(r, 255);
    return grow(t, c, s, more > room || below(r, 4) == 0 ? room : more, value);
}

bool lengthen_field(struct text *t, struct random *r, size_t at, uint32_t from, uint32_t to)
{
    const struct steps *steps = parse(t);
    size_t first;
    const struct engine_count *c = pick_count(steps, at, from, &first);
    return c != NULL && to > from && to <= most_of(c) && grow(t, c, &steps->list[first], to - from, (uint8_t)draw(r));
}

bool change_structure(struct text *t, struct random *r)
{
    const struct steps *steps = parse(t);
    size_t index = below(r, steps->count);
    size_t count = 1u + below(r, below(r, 3) ? 2 : 8);
    const struct script_step *s = &steps->list[index];
    size_t anywhere = boundary(t, steps, below(r, steps->count + 1u));
    switch (steps->count == 0 ? 0u : below(r, 13)) {
    case 0:
        return insert_snippet(t, r, anywhere, 0);
    case 1:
        return insert_snippet(t, r, t->size, 0);
    case 2:
        return insert_snippet(t, r, s->begin, boundary(t, steps, index + count) - s->begin);
    case 3:
        return replace(t, s->begin, boundary(t, steps, index + count) - s->begin, NULL, 0);
    case 4:
        return copy_steps(t, r, steps, index, count);
    case 5:
        return cut_bytes(t, r, s);
    case 6:
    case 7:
        return change_bytes(t, r, s);
    case 8:
        return insert_step(t, r, anywhere);
    case 9:
        return ask_again(t, r, below(r, 2) ? t->size : anywhere);
    case 10:
        return grow_field(t, r, s->begin, (uint8_t)draw(r));
    default:
        return change_argument(t, r, s) || change_bytes(t, r, s);
    }
}

/* What is known to make sense has its turn whatever the corpus has come to. */
bool begin_anew(struct text *t, struct random *r)
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
