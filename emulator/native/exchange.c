/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One exchange of the executor: ring, run the guest, and judge what can be judged without knowing the right answer. */
#include "executor_internal.h"

void clear_request(executor *e)
{
    memset(e->window + e->config.request, 0, e->extent);
    e->extent = 0;
}

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

bool exchange(executor *e, enum executor_verdict *verdict)
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
    if (stop == CORE_IDLE && rung == e->answered) { /* no new value: nothing to be answered */
        e->exchange_count--;
        return true;
    }
    *verdict = judge_stop(e, stop, rung);
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

bool post_request(executor *e, const uint8_t *request, uint32_t size, enum executor_verdict *verdict)
{
    memcpy(e->window + e->config.request, request, size);
    e->extent = size > e->extent ? size : e->extent;
    return exchange(e, verdict);
}
