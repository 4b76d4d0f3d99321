/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One script after the other against the same machine: restore, build and post requests, run, judge. Without Python:
 * a refused request takes about a microsecond, and every call across the binding would cost as much again.
 */
#include "core_internal.h"
#include "script.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_SIZE 8u
#define SENDS_MAX 64u
#define RESPONSES_KEPT 64u
#define ARENA_SIZE (8u << 20) /* what the exchanges of one script may take; the script ends where it is full */

struct executor {
    core *c;
    struct executor_config config;
    executor_judge judge;
    void *user;

    uint8_t *window;
    uint8_t *keys;
    uint8_t *clock_word;
    uint64_t clock_at_start;
    uint32_t answered_at_start;
    uint8_t *images[EXECUTOR_IMAGES];
    uint32_t image_count;

    /* The script that runs. */
    uint8_t *building; /* an area: header, then what was built */
    uint32_t built;
    bool claims;
    uint32_t claimed;
    bool races;
    uint32_t race_at;
    uint8_t race_mask;
    uint8_t *last; /* the last request that was posted */
    uint32_t last_size;
    uint32_t extent;        /* bytes of the request area that are not known to be zero */
    uint32_t answered;      /* the last doorbell value that the guest has answered */
    uint32_t written_begin; /* in the window, by SCRIPT_WINDOW */
    uint32_t written_end;
    uint32_t image;
    uint32_t step; /* where the step begins that is performed */
    uint64_t clock;
    uint32_t state;
    uint32_t sends;
    bool watches;
    uint32_t until_watched;
    enum core_stop stop;

    uint8_t *arena;
    size_t arena_used;
    struct executor_exchange exchanges[EXECUTOR_EXCHANGES];
    size_t exchange_count;
    uint64_t instructions;
    uint64_t *reached;
};

static uint32_t load_word(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void store_word(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static uint8_t *host_of(core *c, uint32_t address, uint32_t size)
{
    struct grant *g = find_grant(c, address);
    return g == NULL || g->host == NULL || size > g->size - (address - g->base) ? NULL : g->host + (address - g->base);
}

static void set_clock(executor *e, uint64_t now)
{
    e->clock = now;
    memcpy(e->clock_word, &now, sizeof now); /* both ends are little-endian */
}

static void set_image(executor *e, uint32_t image)
{
    if (image != e->image) {
        e->image = image;
        memcpy(e->keys, e->images[image], e->config.key_storage_size);
    }
}

static void clear_request(executor *e)
{
    memset(e->window + e->config.request, 0, e->extent);
    e->extent = 0;
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

/* ---- one exchange ---- */

static uint64_t bound_of(const executor *e)
{
    const uint8_t *header = e->window + e->config.request;
    uint32_t length = load_word(header + 4);
    uint32_t longest = e->config.area_size - HEADER_SIZE;
    return e->config.bound_fixed[header[2]] +
           e->config.bound_per_byte[header[2]] * (length < longest ? length : longest);
}

static bool keep_exchange(executor *e, struct executor_exchange **out)
{
    if (e->exchange_count == EXECUTOR_EXCHANGES || ARENA_SIZE - e->arena_used < 2u * e->config.area_size) {
        return false;
    }
    struct executor_exchange *x = &e->exchanges[e->exchange_count++];
    uint8_t *request = e->arena + e->arena_used;
    memcpy(request, e->window + e->config.request, e->extent);
    e->arena_used += e->extent;
    *x = (struct executor_exchange){
        .clock = e->clock, .request = request, .request_size = e->extent, .image = e->image, .step = e->step};
    x->response = e->arena + e->arena_used;
    *out = x;
    return true;
}

/* What of a response can be judged without knowing what it should be. */
static enum executor_verdict judge_response(executor *e, struct executor_exchange *x)
{
    const uint8_t *response = e->window + e->config.response;
    const uint8_t *sound = e->config.response_header;
    uint32_t size = load_word(response + 4);
    x->status = response[2];
    if (response[0] != sound[0] || response[1] != sound[1] || response[3] != sound[3] ||
        size > e->config.area_size - HEADER_SIZE) {
        return EXECUTOR_MALFORMED;
    }
    if (x->status >= EXECUTOR_STATUSES || !(e->config.statuses >> x->status & 1u)) {
        return EXECUTOR_STATUS;
    }
    if (x->status != 0 && size != 0) {
        return EXECUTOR_MALFORMED;
    }
    x->response_size = size;
    memcpy(e->arena + e->arena_used, response + HEADER_SIZE, size);
    e->arena_used += size;
    return EXECUTOR_PASS;
}

/* Which exchange followed which is part of the state that guides the fuzzer. */
static void note_state(executor *e, const struct executor_exchange *x)
{
    uint32_t type = x->request_size > 2 ? x->request[2] : 0;
    uint32_t now = (e->config.types[type] ? type : 0) << 8 | x->status;
    core_feedback_state(e->c, e->state << 16 ^ now);
    e->state = now;
    if (e->reached != NULL) {
        e->reached[type * EXECUTOR_STATUSES + x->status % EXECUTOR_STATUSES]++;
    }
}

static enum executor_verdict judge_stop(executor *e, enum core_stop stop, uint32_t rung)
{
    if (stop == CORE_LIMIT) {
        return EXECUTOR_HANG;
    }
    if (stop != CORE_IDLE) {
        return EXECUTOR_FAULT;
    }
    return load_word(e->window + 4) == rung ? EXECUTOR_PASS : EXECUTOR_UNANSWERED;
}

/* Rings for what stands in the request area. False: this script is over, `verdict` says why. */
static bool exchange(executor *e, enum executor_verdict *verdict)
{
    struct executor_exchange *x;
    uint32_t rung = load_word(e->window) + 1u;
    bool watched = e->races || e->watches;
    if (!keep_exchange(e, &x)) {
        return false;
    }
    store_word(e->window, rung);
    core_feedback_request(e->c, (uint32_t)e->exchange_count - 1u);
    if (watched) {
        core_watch_arm(e->c, true);
        core_watch_race(e->c, e->config.window + e->config.request + e->race_at, e->races ? e->race_mask : 0);
    }
    enum core_stop stop = core_run(e->c, bound_of(e));
    e->stop = stop;
    x->instructions = core_instructions(e->c);
    e->instructions += x->instructions;
    bool fetched_twice = e->c->watch.event_count != 0;
    if (watched) {
        core_watch_arm(e->c, false);
    }
    if (e->races) { /* the byte has changed in the window, wherever that is */
        e->extent = e->race_at < e->config.area_size && e->race_at >= e->extent ? e->race_at + 1u : e->extent;
        e->races = false;
    }
    *verdict = stop == CORE_IDLE && rung == e->answered ? EXECUTOR_PASS : judge_stop(e, stop, rung);
    if (*verdict == EXECUTOR_PASS && rung == e->answered) { /* no new value: nothing to be answered */
        e->exchange_count--;
        return true;
    }
    e->answered = rung;
    if (*verdict == EXECUTOR_PASS) {
        *verdict = judge_response(e, x);
    }
    if (*verdict == EXECUTOR_PASS && watched && fetched_twice) {
        *verdict = EXECUTOR_DOUBLE_FETCH;
    }
    note_state(e, x);
    clear_request(e);
    return *verdict == EXECUTOR_PASS && e->instructions <= e->config.script_budget;
}

static bool post(executor *e, const uint8_t *request, uint32_t size, enum executor_verdict *verdict)
{
    memcpy(e->window + e->config.request, request, size);
    e->extent = size > e->extent ? size : e->extent;
    return exchange(e, verdict);
}

/* ---- the steps ---- */

static bool send_built(executor *e, const uint8_t *request, uint32_t size, enum executor_verdict *verdict)
{
    if (e->sends++ == SENDS_MAX) {
        return false;
    }
    memcpy(e->last, request, size);
    e->last_size = size;
    e->built = 0;
    e->claims = false;
    return post(e, e->last, size, verdict);
}

static bool send_typed(executor *e, uint32_t type, enum executor_verdict *verdict)
{
    memcpy(e->building, e->config.request_header, 4);
    e->building[2] = (uint8_t)type;
    store_word(e->building + 4, e->claims ? e->claimed : e->built);
    return send_built(e, e->building, HEADER_SIZE + e->built, verdict);
}

static uint8_t *append(executor *e, uint32_t *size)
{
    uint32_t room = e->config.area_size - HEADER_SIZE - e->built;
    uint8_t *to = e->building + HEADER_SIZE + e->built;
    *size = *size < room ? *size : room;
    e->built += *size;
    return to;
}

static void replay(executor *e, const struct script_step *s)
{
    if (s->a >= e->exchange_count || s->a >= RESPONSES_KEPT) {
        return;
    }
    const struct executor_exchange *x = &e->exchanges[e->exchange_count - 1u - s->a];
    uint32_t from = script_place(s->b, x->response_size);
    uint32_t rest = x->response_size - from;
    uint32_t size = s->c == 0xFFFFu ? rest : script_place(s->c, rest);
    uint8_t *to = append(e, &size); /* first: it bounds the size */
    memcpy(to, x->response + from, size);
}

static void note_written(executor *e, uint32_t begin, uint32_t end)
{
    bool first = e->written_begin == e->written_end;
    e->written_begin = first || begin < e->written_begin ? begin : e->written_begin;
    e->written_end = first || end > e->written_end ? end : e->written_end;
}

/* Raw bytes of the window: the client may write anywhere, at any moment. */
static void write_window(executor *e, uint32_t offset)
{
    uint32_t at = offset % e->config.window_size;
    uint32_t size = e->config.window_size - at < e->built ? e->config.window_size - at : e->built;
    core_touch(e->c, e->config.window + at, size);
    memcpy(e->window + at, e->building + HEADER_SIZE, size);
    e->built = 0;
    note_written(e, at, at + size);
    uint32_t begin_of_area = e->config.request;
    uint32_t end = at + size;
    if (end > begin_of_area && at < begin_of_area + e->config.area_size) {
        uint32_t reach = end - begin_of_area < e->config.area_size ? end - begin_of_area : e->config.area_size;
        e->extent = reach > e->extent ? reach : e->extent;
    }
}

static bool repeat(executor *e, uint32_t times, enum executor_verdict *verdict)
{
    for (uint32_t i = 0; i < times && e->last_size != 0; i++) {
        if (!post(e, e->last, e->last_size, verdict)) {
            return false;
        }
    }
    return true;
}

static void build(executor *e, const struct script_step *s)
{
    uint32_t size = s->a;
    uint8_t *to;
    switch (s->op) {
    case SCRIPT_BYTES:
        to = append(e, &size);
        memcpy(to, s->bytes, size);
        break;
    case SCRIPT_FILL:
        to = append(e, &size);
        memset(to, (int)s->b, size);
        break;
    case SCRIPT_REPLAY:
        replay(e, s);
        break;
    case SCRIPT_FLIP:
        size = script_place(s->a, e->built);
        if (size < e->built) {
            e->building[HEADER_SIZE + size] ^= (uint8_t)s->b;
        }
        break;
    default:
        break;
    }
}

/* The clock stays where it cannot go further. */
static void step_clock(executor *e, const struct script_step *s)
{
    uint64_t size = (uint64_t)((int32_t)s->a < 0 ? -(int64_t)(int32_t)s->a : (int64_t)s->a) << s->b % 32u;
    if ((int32_t)s->a < 0) {
        set_clock(e, size > e->clock ? 0 : e->clock - size);
    } else {
        set_clock(e, size > UINT64_MAX - e->clock ? UINT64_MAX : e->clock + size);
    }
}

static bool perform(executor *e, const struct script_step *s, enum executor_verdict *verdict)
{
    switch (s->op) {
    case SCRIPT_SEND:
        return send_typed(e, s->a, verdict);
    case SCRIPT_SEND_RAW:
        return send_built(e, e->building + HEADER_SIZE, e->built, verdict);
    case SCRIPT_CLAIM:
        e->claims = true;
        e->claimed = s->a;
        return true;
    case SCRIPT_CLOCK:
        step_clock(e, s);
        return true;
    case SCRIPT_KEYS:
        if (e->image_count != 0) {
            set_image(e, s->a % e->image_count);
        }
        return true;
    case SCRIPT_WINDOW:
        write_window(e, s->a);
        return true;
    case SCRIPT_RING:
        return e->sends++ == SENDS_MAX ? false : exchange(e, verdict);
    case SCRIPT_REPEAT:
        return repeat(e, s->a, verdict);
    case SCRIPT_RACE:
        e->races = s->b != 0;
        e->race_at = s->a;
        e->race_mask = (uint8_t)s->b;
        return true;
    default:
        build(e, s);
        return true;
    }
}

static enum executor_verdict run_script(executor *e, const uint8_t *script, size_t size)
{
    enum executor_verdict verdict = EXECUTOR_PASS;
    struct script_step step = {.end = 0};
    while (script_next(script, size, step.end, &step)) {
        e->step = (uint32_t)step.begin;
        if (!perform(e, &step, &verdict)) {
            return verdict;
        }
    }
    /* What was built and never sent is sent as it is, so that the shortest input is one too. */
    if (e->built != 0) {
        e->step = (uint32_t)size;
        send_built(e, e->building + HEADER_SIZE, e->built, &verdict);
    }
    return verdict;
}

static enum executor_verdict run_raw(executor *e, const uint8_t *request, size_t size)
{
    enum executor_verdict verdict = EXECUTOR_PASS;
    uint32_t posted = size < e->config.area_size ? (uint32_t)size : e->config.area_size;
    post(e, request, posted, &verdict);
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
