/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of a script, each as script.h says what it does. */
#include "script.h"
#include "executor_internal.h"

#define SENDS_MAX 64u
#define RESPONSES_KEPT 64u

static bool send_built(executor *e, const uint8_t *request, uint32_t size, enum executor_verdict *verdict)
{
    if (e->sends++ == SENDS_MAX) {
        return false;
    }
    memcpy(e->last, request, size);
    e->last_size = size;
    e->built = 0;
    e->claims = false;
    return post_request(e, e->last, size, verdict);
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
        if (!post_request(e, e->last, e->last_size, verdict)) {
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

enum executor_verdict run_script(executor *e, const uint8_t *script, size_t size)
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
