/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mutation.h"

#include <string.h>

#define WORK_SIZE (1u << 17)

static uint8_t work[WORK_SIZE];
static struct steps steps;

uint32_t draw(struct random *r)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 17;
    r->state ^= r->state << 5;
    return r->state;
}

uint32_t below(struct random *r, size_t n)
{
    return n == 0 ? 0 : draw(r) % (uint32_t)n;
}

bool replace(struct text *t, size_t at, size_t count, const uint8_t *by, size_t size)
{
    if (t->size - count + size > t->max || size > WORK_SIZE) {
        return false;
    }
    if (size != 0) {
        memcpy(work, by, size);
    }
    memmove(t->data + at + size, t->data + at + count, t->size - at - count);
    memcpy(t->data + at, work, size);
    t->size = t->size - count + size;
    return true;
}

const struct steps *parse(const struct text *t)
{
    size_t at = 0;
    steps.count = 0;
    while (steps.count < STEPS_MAX && script_next(t->data, t->size, at, &steps.list[steps.count])) {
        at = steps.list[steps.count++].end;
    }
    return &steps;
}

void store(uint8_t *at, uint32_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}
