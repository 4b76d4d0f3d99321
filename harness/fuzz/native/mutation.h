/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kinds of mutation share: chance, an input while it changes, and the steps of its script. */
#ifndef HARNESS_FUZZ_MUTATION_H
#define HARNESS_FUZZ_MUTATION_H

#include "engine_internal.h"
#include "script.h"

struct random {
    uint32_t state;
};
uint32_t draw(struct random *r);
uint32_t below(struct random *r, size_t n); /* 0 where n is 0 */

/* An input while it changes. */
struct text {
    uint8_t *data;
    size_t size;
    size_t max;
};

/* Replaces `count` bytes at `at` by others, which may lie in the text; false, and nothing done, where no room is. */
bool replace(struct text *t, size_t at, size_t count, const uint8_t *by, size_t size);

/* The steps of the text parsed last; a change makes them stale. */
enum { STEPS_MAX = 512 };
struct steps {
    struct script_step list[STEPS_MAX];
    size_t count;
};
const struct steps *parse(const struct text *t);

/* A little-endian number of so many bytes. */
void store(uint8_t *at, uint32_t value, size_t width);

/* The kinds of mutation: each true when it has changed the text. */
bool change_structure(struct text *t, struct random *r);
bool begin_anew(struct text *t, struct random *r); /* a new script of a few snippets */
bool use_compare(struct text *t, struct random *r);

/*
 * Puts equal bytes at the beginning of a counted field of the first request with one that is sent at or behind `at`,
 * and counts them there: some number of them, or as many as make one that counts `from` count `to`.
 */
bool grow_field(struct text *t, struct random *r, size_t at, uint8_t value);
bool lengthen_field(struct text *t, struct random *r, size_t at, uint32_t from, uint32_t to);

void structure_use(const struct engine_text *snippets, size_t snippet_count, const struct engine_text *tokens,
                   size_t token_count);
void structure_use_counts(const struct engine_count *counts, size_t count);

/*
 * What the guest has compared in an input, as a wish: that the one operand be as the other. The request is the one in
 * which it was compared, NULL where that is not known; it lives until another input's compares are asked for.
 */
struct wish {
    uint32_t from;
    uint32_t to;
    const struct engine_request *request;
    uint32_t *attempts;
};
void compares_forget(void);

/* Whether compares_know would know what the guest compares in this input without running it. */
bool compares_at_hand(const uint8_t *input, size_t size);

/* Sees to it that the wishes are of this input; false where there are none. */
bool compares_know(const struct text *t, struct random *r);

/* A wish of large or of small numbers; false where chance offers none. `compares_tried` where it has led to a change.
 */
bool compares_pick(struct random *r, bool large, struct wish *out);
void compares_tried(const struct wish *wish);

#endif
