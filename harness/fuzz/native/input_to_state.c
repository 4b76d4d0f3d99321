/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From input to state: one operand of a compare that the guest has made is found in the input, or in a request that
 * came of it, and replaced by the other; or a length is made what it was compared with.
 */
#define _GNU_SOURCE /* memmem */
#include "mutation.h"

#include <string.h>

#define PLACES 4096u /* of compares; a power of two */
#define CANDIDATES 256u
#define LOOPS_TOO 8 /* one pick in so many may be of a loop's end */

static struct {
    struct engine_last run;       /* of the input that is told in it */
    uint32_t attempts[2][PLACES]; /* at small and at large numbers */
} m;

void compares_forget(void)
{
    m.run.input = 0;
    m.run.compare_count = m.run.request_count = 0;
    memset(m.attempts, 0, sizeof m.attempts);
}

bool compares_at_hand(const uint8_t *input, size_t size)
{
    uint64_t digest = engine_digest(input, size);
    return m.run.input == digest || last_run_input() == digest;
}

/* What belongs to this input: of the run just now if it was this one, else of another run. */
static bool know_compares(const struct text *t, struct random *r)
{
    uint64_t input = engine_digest(t->data, t->size);
    if (m.run.input != input) {
        if (last_run_input() != input && (below(r, 4) != 0 || !engine_try(t->data, t->size))) {
            return false;
        }
        last_run_read(&m.run);
        m.run.input = input;
    }
    return m.run.compare_count != 0;
}

/* The first place at or behind `start`, round the end. */
static bool find(const uint8_t *bytes, size_t size, size_t start, const uint8_t *pattern, size_t width, size_t *at)
{
    const uint8_t *found = memmem(bytes + start, size - start, pattern, width);
    if (found == NULL) {
        found = memmem(bytes, size, pattern, width);
    }
    *at = found == NULL ? 0 : (size_t)(found - bytes);
    return found != NULL;
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
    if (!find(t->data, t->size, below(r, t->size), pattern, width, &at)) {
        return false;
    }
    store(t->data + at, swap ? swapped(to, width) : to, width);
    return true;
}

/* Puts the steps before a SEND that change these bytes of what it sends. */
static bool flip(struct text *t, size_t send, size_t at, const uint8_t *from, const uint8_t *to, size_t width)
{
    uint8_t steps[4 * 4];
    size_t size = 0;
    for (size_t i = 0; i < width; i++) {
        if (from[i] != to[i]) {
            steps[size] = SCRIPT_FLIP;
            store(steps + size + 1, (uint32_t)(at + i), 2);
            steps[size + 3] = from[i] ^ to[i];
            size += 4;
        }
    }
    return size != 0 && replace(t, send, 0, steps, size);
}

/*
 * Replaces an operand where a request has it that the last run has built: it may have come there from an answer, or be
 * one of many equal bytes. Beginnings of requests are where most fields are.
 */
static bool replace_in_request(struct text *t, struct random *r, uint32_t from, uint32_t to, size_t width)
{
    uint8_t old[4], new[4];
    bool swap = width > 1 && below(r, 4) == 0;
    store(old, swap ? swapped(from, width) : from, width);
    store(new, swap ? swapped(to, width) : to, width);
    size_t start = below(r, m.run.request_count);
    for (size_t i = 0; i < m.run.request_count; i++) {
        const struct engine_request *request = &m.run.requests[(start + i) % m.run.request_count];
        size_t at;
        if (request->step < t->size && t->data[request->step] % SCRIPT_OPS == SCRIPT_SEND &&
            find(request->head, request->size, below(r, 2) ? 0 : below(r, request->size), old, width, &at)) {
            return flip(t, request->step, at, old, new, width);
        }
    }
    return false;
}

/* The first SEND at or behind a step picked by chance, round the end; false where there is none. */
static bool pick_send(struct random *r, const struct steps *steps, size_t *at)
{
    size_t index = below(r, steps->count);
    for (size_t i = 0; i < steps->count; i++) {
        const struct script_step *s = &steps->list[(index + i) % steps->count];
        if (s->op == SCRIPT_SEND) {
            *at = s->begin;
            return true;
        }
    }
    return false;
}

/* Whether a request is made of so many bytes, as far as that shows without the answers that it repeats. */
static bool has_length(const struct steps *steps, uint32_t length, size_t *send)
{
    uint32_t built = 0;
    for (size_t i = 0; i < steps->count; i++) {
        const struct script_step *s = &steps->list[i];
        if (s->op == SCRIPT_BYTES || s->op == SCRIPT_FILL) {
            built += s->a;
        } else if (s->op == SCRIPT_SEND && built == length && length != 0) {
            *send = s->begin;
            return true;
        } else if (s->op == SCRIPT_SEND || s->op == SCRIPT_SEND_RAW || s->op == SCRIPT_WINDOW) {
            built = 0;
        }
    }
    return false;
}

/* Makes a request as long as its length was compared with. */
static bool match_length(struct text *t, uint32_t from, uint32_t to)
{
    size_t at;
    uint8_t step[4] = {SCRIPT_FILL};
    if (to <= from || to - from > UINT16_MAX || !has_length(parse(t), from, &at)) {
        return false;
    }
    store(step + 1, to - from, 2);
    return replace(t, at, 0, step, sizeof step);
}

/* Appends to a request, or takes from what it is made of. */
static bool change_length(struct text *t, struct random *r, int64_t more)
{
    size_t at;
    const struct steps *steps = parse(t);
    size_t index = below(r, steps->count);
    if (more > 0 && more <= UINT16_MAX && pick_send(r, steps, &at)) {
        uint8_t step[4] = {SCRIPT_FILL};
        store(step + 1, (uint32_t)more, 2);
        return replace(t, at, 0, step, sizeof step);
    }
    for (size_t i = 0; i < steps->count && more < 0; i++) {
        const struct script_step *s = &steps->list[(index + i) % steps->count];
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
    if (!pick_send(r, parse(t), &at)) {
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

#define LENGTH_MAX 0x1FFFFu /* no length is more, claimed ones left out: that is a pointer or a word of data */

/* Large numbers are more than a byte, small ones no more than a length: a length is tried in both ways. */
static bool fits(const struct engine_compare *c, bool large)
{
    uint32_t larger = c->left > c->right ? c->left : c->right;
    return large ? larger > UINT8_MAX : larger <= LENGTH_MAX;
}

/*
 * A compare, in one of its two directions; false where chance offers none of large or small numbers, as asked for. Of
 * those offered it is the one whose place in the code was tried least in this way: a check that was just reached for
 * the first time has its turn at once. Where operands have been equal, too, it was mostly a loop, which leads nowhere.
 */
static bool pick_compare(struct random *r, bool large, struct replacement *out)
{
    const struct engine_compare *best = NULL;
    uint32_t *fewest = NULL;
    bool loops_too = below(r, LOOPS_TOO) == 0;
    uint32_t candidates = m.run.compare_count < CANDIDATES ? m.run.compare_count : CANDIDATES;
    for (uint32_t i = 0; i < candidates; i++) {
        const struct engine_compare *c = &m.run.compares[below(r, m.run.compare_count)];
        uint32_t *attempts = &m.attempts[large][(c->pc >> 1) % PLACES];
        if (fits(c, large) && (loops_too || !c->looped) && (best == NULL || *attempts < *fewest)) {
            best = c;
            fewest = attempts;
        }
    }
    if (best == NULL) {
        return false;
    }
    ++*fewest;
    /* An immediate, which the program wants, is always on the right. */
    *out = below(r, 4) ? (struct replacement){best->left, best->right, fewest}
                       : (struct replacement){best->right, best->left, fewest};
    return true;
}

/* Numbers of more than a byte are rarely in the input by chance: whatever is found there is worth replacing. */
static bool replace_large(struct text *t, struct random *r)
{
    for (int tries = 0; tries < 32; tries++) {
        struct replacement c;
        if (!pick_compare(r, true, &c)) {
            return false;
        }
        uint32_t larger = c.from > c.to ? c.from : c.to;
        size_t width = larger > UINT16_MAX ? 4 : 2;
        if (replace_operand(t, r, c.from, c.to, width) ||
            (!engine_current()->raw && replace_in_request(t, r, c.from, c.to, width))) {
            *c.attempts += ATTEMPT_MADE;
            return true;
        }
    }
    return false;
}

/* Lets equal bytes be others: what is compared with a byte may be all of them. */
static bool change_fill(struct text *t, struct random *r, uint32_t to)
{
    const struct steps *steps = parse(t);
    size_t index = below(r, steps->count);
    for (size_t i = 0; i < steps->count; i++) {
        const struct script_step *s = &steps->list[(index + i) % steps->count];
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
    bool raw = engine_current()->raw;
    if (!raw && below(r, 2) && match_length(t, from, to)) {
        return true;
    }
    switch (below(r, raw ? 2 : 10)) {
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
    case 5:
        return to <= UINT8_MAX && grow_field(t, r, (uint8_t)to);
    case 6:
        return to > from && lengthen_field(t, r, from, to);
    case 7:
        return from <= UINT8_MAX && to <= UINT8_MAX && replace_in_request(t, r, from, to, 1);
    default:
        /* A length and what it counts, together. */
        return replace_operand(t, r, from, to, 1u + below(r, 2)) && change_length(t, r, more);
    }
}

bool use_compare(struct text *t, struct random *r)
{
    if (!know_compares(t, r)) {
        return false;
    }
    if (below(r, 5) < 2 && replace_large(t, r)) {
        return true;
    }
    for (int tries = 0; tries < 4; tries++) {
        struct replacement c;
        if (pick_compare(r, false, &c) &&
            replace_small(t, r, c.from, c.to + (below(r, 8) == 0 ? below(r, 3) - 1u : 0u))) {
            *c.attempts += ATTEMPT_MADE;
            return true;
        }
    }
    return false;
}
