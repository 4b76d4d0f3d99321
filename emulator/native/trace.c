/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an observer of branches and addresses sees of a run: the blocks entered and the memory accessed, in order. The
 * first run is recorded, later ones are compared with it on the way.
 */
#include "core_internal.h"

#include <stdlib.h>

#define MUTED_MAX 32

struct core_trace {
    core *c;
    uc_hook block;
    uc_hook access;
    struct core_event *events;
    size_t count;
    size_t capacity;
    size_t limit;
    size_t position;
    bool comparing;
    bool differs;
    bool overflow;
    size_t difference;
    struct core_event other;
    uint32_t muted[MUTED_MAX]; /* functions of which nothing is observed, nor of what they call */
    size_t muted_count;
    bool mute;
    uint32_t mute_until; /* return address and stack pointer of the muted call */
    uint32_t mute_sp;
};

static void observe(core_trace *t, struct core_event e)
{
    if (t->comparing) {
        const struct core_event *r = &t->events[t->position];
        if (!t->differs && (t->position >= t->count || r->kind != e.kind || r->pc != e.pc || r->address != e.address ||
                            r->size != e.size)) {
            t->differs = true;
            t->difference = t->position;
            t->other = e;
        }
        t->position++;
        return;
    }
    if (t->count == t->capacity) {
        size_t capacity = t->capacity * 2 + 65536;
        struct core_event *grown = capacity <= t->limit ? realloc(t->events, capacity * sizeof *grown) : NULL;
        if (grown == NULL) {
            t->overflow = true;
            return;
        }
        t->events = grown;
        t->capacity = capacity;
    }
    t->events[t->count++] = e;
}

static uint32_t read_register(const core_trace *t, int number)
{
    uint32_t value = 0;
    uc_reg_read(t->c->uc, number, &value);
    return value;
}

static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    core_trace *t = user;
    (void)uc;
    (void)size;
    if (t->mute) {
        if ((uint32_t)address != t->mute_until || read_register(t, UC_ARM_REG_SP) != t->mute_sp) {
            return;
        }
        t->mute = false;
    }
    observe(t, (struct core_event){.kind = CORE_EVENT_BLOCK, .pc = (uint32_t)address, .address = (uint32_t)address});
    for (size_t i = 0; i < t->muted_count && !t->mute; i++) {
        if (t->muted[i] == (uint32_t)address) {
            t->mute = true;
            t->mute_until = read_register(t, UC_ARM_REG_LR) & ~1u;
            t->mute_sp = read_register(t, UC_ARM_REG_SP);
        }
    }
}

/* Memory hooks see physical addresses: those of a board's memory are the virtual ones. */
static void on_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user)
{
    core_trace *t = user;
    (void)value;
    if (!t->mute) {
        observe(t, (struct core_event){.kind = type == UC_MEM_WRITE ? CORE_EVENT_WRITE : CORE_EVENT_READ,
                                       .pc = read_register(t, UC_ARM_REG_PC) & ~1u,
                                       .address = (uint32_t)address,
                                       .size = (uint32_t)size});
    }
    leave_if_then_block(uc);
}

core_trace *core_trace_new(core *c, size_t limit)
{
    core_trace *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->c = c;
    t->limit = limit;
    if (uc_hook_add(c->uc, &t->block, UC_HOOK_BLOCK, (void *)on_block, t, 1, 0) != UC_ERR_OK) {
        free(t);
        return NULL;
    }
    if (uc_hook_add(c->uc, &t->access, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, (void *)on_access, t, 1, 0) != UC_ERR_OK) {
        uc_hook_del(c->uc, t->block);
        free(t);
        return NULL;
    }
    core_forget_translations(c); /* code translated before would not call the hooks */
    return t;
}

void core_trace_free(core_trace *t)
{
    if (t != NULL) {
        uc_hook_del(t->c->uc, t->block);
        uc_hook_del(t->c->uc, t->access);
        core_forget_translations(t->c);
        free(t->events);
        free(t);
    }
}

bool core_trace_mute(core_trace *t, uint32_t function)
{
    if (t->muted_count == MUTED_MAX) {
        return false;
    }
    t->muted[t->muted_count++] = function & ~1u;
    return true;
}

void core_trace_record(core_trace *t)
{
    t->count = 0;
    t->comparing = false;
    t->overflow = false;
    t->mute = false;
}

void core_trace_compare(core_trace *t)
{
    t->comparing = true;
    t->differs = false;
    t->position = 0;
    t->mute = false;
}

size_t core_trace_count(const core_trace *t)
{
    return t->count;
}

bool core_trace_overflow(const core_trace *t)
{
    return t->overflow;
}

bool core_trace_difference(const core_trace *t, size_t *index, struct core_event *recorded, struct core_event *other)
{
    static const struct core_event nothing = {.kind = CORE_EVENT_END};
    if (!t->differs && t->position >= t->count) {
        return false;
    }
    *index = t->differs ? t->difference : t->position;
    *recorded = *index < t->count ? t->events[*index] : nothing;
    *other = t->differs ? t->other : nothing;
    return true;
}
