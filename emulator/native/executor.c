/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One script after the other against the same machine: restore, build and post requests, run, judge. Without Python:
 * a refused request takes about a microsecond, and every call across the binding would cost as much again.
 */
#include "executor_internal.h"

#include <stdlib.h>

static uint8_t *host_of(core *c, uint32_t address, uint32_t size)
{
    struct grant *g = find_grant(c, address);
    return g == NULL || g->host == NULL || size > g->size - (address - g->base) ? NULL : g->host + (address - g->base);
}

void set_clock(executor *e, uint64_t now)
{
    e->clock = now;
    memcpy(e->clock_word, &now, sizeof now); /* both ends are little-endian */
}

void set_image(executor *e, uint32_t image)
{
    if (image != e->image) {
        e->image = image;
        memcpy(e->keys, e->images[image], e->config.key_storage_size);
    }
}

static void begin(executor *e)
{
    core_restore(e->c);
    core_feedback_begin(e->c);
    set_clock(e, e->clock_at_start);
    if (e->image_count != 0) {
        set_image(e, 0);
    }
    e->answered = e->answered_at_start;
    e->built = 0;
    e->claims = e->races = false;
    e->last_size = 0;
    e->arena_used = 0;
    e->exchange_count = 0;
    e->instructions = 0;
    e->state = 0;
    e->sends = 0;
    e->step = 0;
    e->written_begin = e->written_end = 0;
    e->watches = e->config.watch_interval != 0 && e->until_watched == 0;
    e->until_watched = e->watches ? e->config.watch_interval - 1u : e->until_watched - (e->until_watched != 0);
}

static enum executor_verdict run_raw(executor *e, const uint8_t *request, size_t size)
{
    enum executor_verdict verdict = EXECUTOR_PASS;
    uint32_t posted = size < e->config.area_size ? (uint32_t)size : e->config.area_size;
    post_request(e, request, posted, &verdict);
    return verdict;
}

enum executor_verdict executor_run(executor *e, const uint8_t *script, size_t size)
{
    clear_request(e); /* of a script that ended without an answer */
    begin(e);
    enum executor_verdict verdict = e->config.raw ? run_raw(e, script, size) : run_script(e, script, size);
    clear_request(e);
    if (verdict == EXECUTOR_PASS && e->judge != NULL && e->exchange_count != 0) {
        verdict = (enum executor_verdict)e->judge(e->user, e);
    }
    return verdict;
}

/* ---- life ---- */

static bool prepare(executor *e)
{
    const struct executor_config *k = &e->config;
    if (k->request + k->area_size > k->window_size || k->response + k->area_size > k->window_size ||
        k->area_size <= HEADER_SIZE || ARENA_SIZE < 4u * k->area_size) {
        return false;
    }
    e->window = host_of(e->c, k->window, k->window_size);
    e->keys = host_of(e->c, k->key_storage, k->key_storage_size);
    e->clock_word = host_of(e->c, k->clock, sizeof(uint64_t));
    e->building = calloc(1, k->area_size);
    e->last = calloc(1, k->area_size);
    e->arena = malloc(ARENA_SIZE);
    if (e->window == NULL || e->keys == NULL || e->clock_word == NULL || e->building == NULL || e->last == NULL ||
        e->arena == NULL) {
        return false;
    }
    memcpy(&e->clock_at_start, e->clock_word, sizeof e->clock_at_start);
    e->answered_at_start = load_word(e->window);
    return true;
}

executor *executor_new(core *c, const struct executor_config *config)
{
    executor *e = calloc(1, sizeof *e);
    if (e == NULL) {
        return NULL;
    }
    e->c = c;
    e->config = *config;
    if (!c->snapshot || !prepare(e)) {
        executor_free(e);
        return NULL;
    }
    return e;
}

void executor_free(executor *e)
{
    if (e == NULL) {
        return;
    }
    for (uint32_t i = 0; i < e->image_count; i++) {
        free(e->images[i]);
    }
    free(e->building);
    free(e->last);
    free(e->arena);
    free(e);
}

bool executor_add_image(executor *e, const uint8_t *image)
{
    uint8_t *copy = e->image_count == EXECUTOR_IMAGES ? NULL : malloc(e->config.key_storage_size);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, image, e->config.key_storage_size);
    e->images[e->image_count++] = copy;
    if (e->image_count == 1) {
        memcpy(e->keys, copy, e->config.key_storage_size);
        e->image = 0;
    }
    return true;
}

void executor_set_judge(executor *e, executor_judge judge, void *user)
{
    e->judge = judge;
    e->user = user;
}

enum core_stop executor_stop(const executor *e)
{
    return e->stop;
}

/* A fault is known by its place, all else by the request's type and the answer's status. */
uint64_t executor_key(const executor *e, enum executor_verdict verdict)
{
    uint64_t key = (uint64_t)verdict << 56;
    if (verdict == EXECUTOR_FAULT) {
        return key | (uint64_t)e->stop << 48 | core_pc(e->c);
    }
    return key | e->state;
}

size_t executor_exchanges(executor *e, struct executor_exchange **out)
{
    *out = e->exchanges;
    return e->exchange_count;
}

uint64_t executor_instructions(const executor *e)
{
    return e->instructions;
}

void executor_written(const executor *e, uint32_t *begin, uint32_t *end)
{
    *begin = e->config.window + e->written_begin;
    *end = e->config.window + e->written_end;
}

void executor_count_into(executor *e, uint64_t *reached)
{
    e->reached = reached;
}
