/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the compares that the guest has made in an input is tried next. */
#include "mutation.h"

#include <string.h>

#define PLACES 4096u /* of compares; a power of two */
#define CANDIDATES 256u
#define LOOPS_TOO 8 /* one pick in so many may be of a loop's end */

/* An attempt that changed the input counts for so many that found nothing to change. */
#define ATTEMPT_MADE 8u

#define LENGTH_MAX 0x1FFFFu /* no length is more, claimed ones left out: that is a pointer or a word of data */

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

bool compares_know(const struct text *t, struct random *r)
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

/* Large numbers are more than a byte, small ones no more than a length: a length is tried in both ways. */
static bool fits(const struct engine_compare *c, bool large)
{
    uint32_t larger = c->left > c->right ? c->left : c->right;
    return large ? larger > UINT8_MAX : larger <= LENGTH_MAX;
}

static const struct engine_request *request_of(const struct engine_compare *c)
{
    uint32_t index = c->request - m.run.first_request;
    return index < m.run.request_count ? &m.run.requests[index] : NULL;
}

/*
 * Of the compares that chance offers it is the one whose place in the code was tried least in this way: a check that
 * was just reached for the first time has its turn at once. Where operands have been equal, too, it was mostly a loop,
 * which leads nowhere.
 */
bool compares_pick(struct random *r, bool large, struct wish *out)
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
    bool forward = below(r, 4) != 0;
    *out = (struct wish){.from = forward ? best->left : best->right,
                         .to = forward ? best->right : best->left,
                         .request = request_of(best),
                         .attempts = fewest};
    return true;
}

void compares_tried(const struct wish *wish)
{
    *wish->attempts += ATTEMPT_MADE;
}
