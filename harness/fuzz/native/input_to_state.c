/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From input to state: one operand of a compare that the guest has made is found in the input, or in the request that
 * came of it, and replaced by the other; or a length is made what it was compared with.
 */
#define _GNU_SOURCE /* memmem */
#include "mutation.h"

#include <string.h>

#define TRIES 32   /* most compares are of numbers that the request has nothing to do with */
#define ANYWHERE 8 /* one attempt in so many is at another request than the one in which the operands were compared */

/* The part of a script in which an operand is looked for, and the SEND of the request that is to change. */
struct part {
    size_t begin;
    size_t end;
    size_t send; /* `end` of the text where there is none */
    bool has_send;
};

/* Of one request: from behind what was sent before it to its own SEND, which is the last at or before `step`. */
static bool find_request(const struct steps *steps, uint32_t step, struct part *out)
{
    size_t begin = 0;
    out->has_send = false;
    for (size_t i = 0; i < steps->count && steps->list[i].begin <= step; i++) {
        const struct script_step *s = &steps->list[i];
        if (s->op == SCRIPT_SEND) {
            *out = (struct part){begin, s->begin, s->begin, true};
        }
        if (s->op == SCRIPT_SEND || s->op == SCRIPT_SEND_RAW || s->op == SCRIPT_WINDOW) {
            begin = s->end;
        }
    }
    return out->has_send;
}

/* The whole script, and the first SEND at or behind a step picked by chance, round the end. */
static struct part any_request(const struct text *t, struct random *r, const struct steps *steps)
{
    struct part whole = {0, t->size, t->size, false};
    size_t index = below(r, steps->count);
    for (size_t i = 0; i < steps->count && !whole.has_send; i++) {
        const struct script_step *s = &steps->list[(index + i) % steps->count];
        if (s->op == SCRIPT_SEND) {
            whole.send = s->begin;
            whole.has_send = true;
        }
    }
    return whole;
}

/* Where a wish may be granted. Where that is not in the request in which it came up, that one is forgotten. */
static struct part part_of(const struct text *t, struct random *r, struct wish *wish)
{
    struct part part;
    if (engine_current()->raw) { /* the input is the request, and has no steps */
        wish->request = NULL;
        return (struct part){0, t->size, t->size, false};
    }
    const struct steps *steps = parse(t);
    if (wish->request != NULL && below(r, ANYWHERE) != 0 && find_request(steps, wish->request->step, &part)) {
        return part;
    }
    wish->request = NULL;
    return any_request(t, r, steps);
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

/* Both operands as bytes, in either order. */
static void store_operands(struct random *r, const struct wish *w, size_t width, uint8_t *from, uint8_t *to)
{
    bool swap = width > 1 && below(r, 4) == 0;
    store(from, swap ? swapped(w->from, width) : w->from, width);
    store(to, swap ? swapped(w->to, width) : w->to, width);
}

/* Replaces an operand of `width` bytes where the script has it. */
static bool replace_operand(struct text *t, struct random *r, const struct part *p, const struct wish *w, size_t width)
{
    uint8_t from[4], to[4];
    size_t at, size = p->end - p->begin;
    store_operands(r, w, width, from, to);
    if (!find(t->data + p->begin, size, below(r, size), from, width, &at)) {
        return false;
    }
    memcpy(t->data + p->begin + at, to, width);
    return true;
}

static size_t head_of(const struct engine_request *request)
{
    return request->length < ENGINE_HEAD ? request->length : ENGINE_HEAD;
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
 * Replaces an operand where the request has it: it may have come there from an answer, or be one of many equal bytes.
 * The beginning is where most fields are.
 */
static bool replace_in_request(struct text *t, struct random *r, const struct part *p, const struct wish *w,
                               size_t width)
{
    uint8_t from[4], to[4];
    size_t at;
    if (w->request == NULL) {
        return false;
    }
    size_t size = head_of(w->request);
    store_operands(r, w, width, from, to);
    return find(w->request->head, size, below(r, 2) ? 0 : below(r, size), from, width, &at) &&
           flip(t, p->send, at, from, to, width);
}

static bool append_fill(struct text *t, const struct part *p, uint32_t count)
{
    uint8_t step[4] = {SCRIPT_FILL};
    store(step + 1, count, 2);
    return p->has_send && count <= UINT16_MAX && replace(t, p->send, 0, step, sizeof step);
}

/* Appends to a request, or takes from what it is made of. */
static bool change_length(struct text *t, struct random *r, const struct part *p, const struct wish *w)
{
    if (w->to > w->from) {
        return append_fill(t, p, w->to - w->from);
    }
    uint32_t less = w->from - w->to;
    const struct steps *steps = parse(t);
    size_t index = below(r, steps->count);
    for (size_t i = 0; i < steps->count; i++) {
        const struct script_step *s = &steps->list[(index + i) % steps->count];
        if (s->begin < p->begin || s->begin >= p->end || s->a < less) {
            continue;
        }
        if (s->op == SCRIPT_BYTES && s->begin + 2 <= t->size) {
            uint32_t keep = s->a - less;
            size_t begin = s->begin;
            replace(t, (size_t)(s->bytes - t->data) + keep, less, NULL, 0);
            t->data[begin + 1] = (uint8_t)keep;
            return true;
        }
        if (s->op == SCRIPT_FILL && s->begin + 3 <= t->size) {
            store(t->data + s->begin + 1, s->a - less, 2);
            return true;
        }
    }
    return false;
}

/* Lies about a length that was compared: it stays, and is claimed to be as the program wants it. */
static bool claim_length(struct text *t, const struct part *p, const struct wish *w)
{
    uint8_t step[5] = {SCRIPT_CLAIM};
    store(step + 1, w->to, 4);
    return w->request != NULL && w->from == w->request->length && replace(t, p->send, 0, step, sizeof step);
}

/* Lets equal bytes be others: what is compared with a byte may be all of them. */
static bool change_fill(struct text *t, const struct part *p, const struct wish *w)
{
    const struct steps *steps = parse(t);
    for (size_t i = 0; i < steps->count; i++) {
        const struct script_step *s = &steps->list[i];
        if (s->op == SCRIPT_FILL && s->b == w->from && s->begin >= p->begin && s->begin < p->end &&
            s->begin + 4 <= t->size) {
            t->data[s->begin + 3] = (uint8_t)w->to;
            return true;
        }
    }
    return false;
}

/* Whether a number could be one of the request's bytes, or a length of a part of it; anything where it is not known. */
static bool is_byte_of(const struct engine_request *request, uint32_t value)
{
    return request == NULL || (value <= UINT8_MAX && memchr(request->head, (int)value, head_of(request)) != NULL);
}

static bool is_length_in(const struct engine_request *request, uint32_t value)
{
    return request == NULL || value <= request->length;
}

/* Numbers of more than a byte are rarely in the input by chance: whatever is found there is worth replacing. */
static bool grant_large(struct text *t, struct random *r)
{
    for (int tries = 0; tries < TRIES; tries++) {
        struct wish w;
        if (!compares_pick(r, true, &w)) {
            return false;
        }
        struct part p = part_of(t, r, &w);
        size_t width = (w.from > w.to ? w.from : w.to) > UINT16_MAX ? 4 : 2;
        if (replace_operand(t, r, &p, &w, width) || replace_in_request(t, r, &p, &w, width)) {
            compares_tried(&w);
            return true;
        }
    }
    return false;
}

/*
 * A number of one byte, or one that is a length: tried in all the ways that could have led to it. What cannot have led
 * to it is left out: it would cost a run, and most compares of a script that uses keys are deep in their mathematics.
 */
static bool try_small(struct text *t, struct random *r, const struct part *p, const struct wish *w)
{
    bool bytes = w->from <= UINT8_MAX && w->to <= UINT8_MAX;
    bool raw = engine_current()->raw;
    /* A request becomes as long as its length was compared with. */
    if (w->request != NULL && w->request->length == w->from && w->from < w->to && below(r, 2)) {
        return append_fill(t, p, w->to - w->from);
    }
    switch (below(r, raw ? 2 : 10)) {
    case 0:
        return replace_operand(t, r, p, w, 1);
    case 1:
        return replace_operand(t, r, p, w, 2);
    case 2:
        return claim_length(t, p, w);
    case 3:
        return is_length_in(w->request, w->from) && change_length(t, r, p, w);
    case 4:
        return bytes && change_fill(t, p, w);
    case 5:
        return bytes && is_byte_of(w->request, w->from) && grow_field(t, r, p->send, (uint8_t)w->to);
    case 6:
        return w->to > w->from && lengthen_field(t, r, p->send, w->from, w->to);
    case 7:
    case 8:
        return bytes && replace_in_request(t, r, p, w, 1);
    default:
        /* A length and what it counts, together. */
        return replace_operand(t, r, p, w, 1u + below(r, 2)) && change_length(t, r, p, w);
    }
}

static bool grant_small(struct text *t, struct random *r)
{
    for (int tries = 0; tries < TRIES; tries++) {
        struct wish w;
        if (!compares_pick(r, false, &w)) {
            return false;
        }
        struct part p = part_of(t, r, &w);
        w.to += below(r, 8) == 0 ? below(r, 3) - 1u : 0u;
        if (try_small(t, r, &p, &w)) {
            compares_tried(&w);
            return true;
        }
    }
    return false;
}

bool use_compare(struct text *t, struct random *r)
{
    if (!compares_know(t, r)) {
        return false;
    }
    return (below(r, 5) < 2 && grant_large(t, r)) || grant_small(t, r);
}
