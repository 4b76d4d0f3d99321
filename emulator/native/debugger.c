/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hook before every instruction: breakpoints at any address, single steps, an exact count. Watchpoints are a hook of
 * memory accesses, there only while one is set. Nothing of this is in the way of a core without a debugger.
 */
#include "core_internal.h"

#include <stdlib.h>

#define ACCESS_MAX 8u /* bytes of the widest access: hooks are chosen by where an access begins */

struct watchpoint {
    uint32_t address;
    uint32_t size;
    int access;
};

/* One core. An If-Then block is one instruction: the engine cannot be stopped inside. */
struct seat {
    debugger *d;
    core *c;
    uint32_t number;
    uc_hook instruction;
    uc_hook access;
    uint32_t low; /* the addresses that the hook of accesses covers, none where both are 0 */
    uint32_t high;
    uint32_t if_then; /* address of the last IT instruction, and of what follows its block */
    uint32_t if_then_end;
    uint32_t last; /* address of the instruction that was begun last */
    const struct grant *code;
};

struct debugger {
    struct seat seats[DEBUG_CORES];
    uint32_t seat_count;
    uint32_t breakpoints[DEBUG_POINTS];
    size_t breakpoint_count;
    uint64_t filter; /* one bit for each breakpoint's address, modulo 64 halfwords */
    struct watchpoint watchpoints[DEBUG_POINTS];
    size_t watchpoint_count;
    struct debug_run run;
    uint64_t count;
    bool first;   /* no instruction of this run was begun yet */
    bool stepped; /* the one of run.step was */
    bool watched; /* the instruction before this one has hit a watchpoint */
    struct debug_hit hit;
};

/* ---- If-Then blocks (ARMv7-M ARM, A7.3.3) ---- */

#define IF_THEN_ENCODING 0xBF00u

static uint32_t halfword_at(struct seat *s, uint32_t address)
{
    if (s->code == NULL || address - s->code->base >= s->code->size) {
        s->code = find_grant(s->c, address);
    }
    if (s->code == NULL || s->code->host == NULL) {
        return 0;
    }
    const uint8_t *code = s->code->host + (address - s->code->base);
    return code[0] | (uint32_t)code[1] << 8;
}

static bool is_inside(const struct seat *s, uint32_t address)
{
    return address > s->if_then && address < s->if_then_end;
}

/* The lowest bit of the mask that is set says how many instructions follow: 1000 one, 0001 four. */
static void enter_if_then_block(struct seat *s, uint32_t address)
{
    uint32_t mask = halfword_at(s, address);
    if ((mask & 0xFF00u) != IF_THEN_ENCODING || !(mask & 0xFu)) {
        return;
    }
    s->if_then = address;
    s->if_then_end = address + 2;
    for (mask &= 0xFu; mask != 0; mask = mask << 1 & 0xFu) {
        s->if_then_end += halfword_at(s, s->if_then_end) >> 11 >= 0x1Du ? 4 : 2;
    }
}

/* ---- hooks ---- */

static void note(struct seat *s, enum debug_why why, uint64_t at, uint32_t address, uint32_t point)
{
    s->d->hit = (struct debug_hit){.why = why, .core = s->number, .at = at, .address = address, .point = point};
}

static bool has_breakpoint(const debugger *d, uint32_t address)
{
    if (!(d->filter >> (address >> 1 & 63u) & 1u)) {
        return false;
    }
    for (size_t i = 0; i < d->breakpoint_count; i++) {
        if (d->breakpoints[i] == address) {
            return true;
        }
    }
    return false;
}

/* Whether the instruction at `address` is not to be begun; what has hit is noted. */
static bool has_to_stop(struct seat *s, uint32_t address)
{
    debugger *d = s->d;
    if (d->watched && !d->run.collect) {
        return true;
    }
    if (d->stepped) {
        return true;
    }
    if (d->count == d->run.limit) {
        if (!d->run.collect) {
            note(s, DEBUG_LIMIT, d->count, address, 0);
        }
        return true;
    }
    if ((d->first && d->run.pass_breakpoint) || !has_breakpoint(d, address)) {
        return false;
    }
    note(s, DEBUG_BREAKPOINT, d->count, address, 0);
    return !d->run.collect;
}

static void on_instruction(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    struct seat *s = user;
    debugger *d = s->d;
    (void)uc;
    (void)size;
    if (s->c->locating) {
        return;
    }
    if (is_inside(s, (uint32_t)address)) {
        s->last = (uint32_t)address;
        return;
    }
    if (has_to_stop(s, (uint32_t)address)) {
        s->c->pc = (uint32_t)address;
        stop_with(s->c, CORE_BREAKPOINT);
        return;
    }
    d->count++;
    d->run.pass_watchpoint = d->run.pass_watchpoint && d->first;
    d->first = false;
    d->watched = false;
    if (d->run.step == (int)s->number) {
        d->stepped = true;
        note(s, DEBUG_STEP, d->count, (uint32_t)address, 0);
    }
    s->last = (uint32_t)address;
    enter_if_then_block(s, (uint32_t)address);
}

/* Memory hooks see physical addresses: those of a board's memory are the virtual ones. */
static void on_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user)
{
    struct seat *s = user;
    debugger *d = s->d;
    int access = type == UC_MEM_WRITE ? CORE_WRITE : CORE_READ;
    (void)value;
    if (s->last - s->if_then < s->if_then_end - s->if_then) { /* asked first: it is costly, and hardly ever needed */
        leave_if_then_block(uc);
    }
    if (s->c->locating || d->run.pass_watchpoint || d->watched) {
        return;
    }
    for (size_t i = 0; i < d->watchpoint_count; i++) {
        const struct watchpoint *w = &d->watchpoints[i];
        uint32_t begin = (uint32_t)address > w->address ? (uint32_t)address : w->address;
        if ((w->access & access) && begin - (uint32_t)address < (uint32_t)size && begin - w->address < w->size) {
            d->watched = true;
            note(s, DEBUG_WATCHPOINT, d->count - 1u, begin, (uint32_t)i);
            return;
        }
    }
}

/* The hook covers what the watchpoints span and no more: accesses elsewhere stay ten times as fast. */
static void watch(struct seat *s, uint32_t low, uint32_t high)
{
    if (s->low == low && s->high == high) {
        return;
    }
    if (s->low < s->high) {
        uc_hook_del(s->c->uc, s->access);
    }
    s->low = low;
    s->high = high;
    if (low < high && uc_hook_add(s->c->uc, &s->access, UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, (void *)on_access, s, low,
                                  high - 1u) != UC_ERR_OK) {
        s->low = s->high = 0;
    }
    core_forget_translations(s->c);
}

static void watch_all(debugger *d)
{
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;
    for (size_t i = 0; i < d->watchpoint_count; i++) {
        const struct watchpoint *w = &d->watchpoints[i];
        uint32_t reach = w->address < ACCESS_MAX ? 0 : w->address - (ACCESS_MAX - 1u);
        low = reach < low ? reach : low;
        high = w->address + w->size > high ? w->address + w->size : high;
    }
    for (uint32_t i = 0; i < d->seat_count; i++) {
        watch(&d->seats[i], high == 0 ? 0 : low, high);
    }
}

/* ---- points and runs ---- */

bool debugger_breakpoint(debugger *d, uint32_t address)
{
    if (d->breakpoint_count == DEBUG_POINTS) {
        return false;
    }
    d->breakpoints[d->breakpoint_count++] = address & ~1u;
    d->filter |= 1ull << (address >> 1 & 63u);
    return true;
}

bool debugger_watchpoint(debugger *d, uint32_t address, uint32_t size, int access)
{
    if (d->watchpoint_count == DEBUG_POINTS || size == 0 || size > UINT32_MAX - address) {
        return false;
    }
    d->watchpoints[d->watchpoint_count++] = (struct watchpoint){address, size, access};
    return true;
}

void debugger_clear_points(debugger *d)
{
    d->breakpoint_count = 0;
    d->watchpoint_count = 0;
    d->filter = 0;
}

void debugger_begin(debugger *d, const struct debug_run *run)
{
    d->run = *run;
    d->first = true;
    d->stepped = false;
    d->watched = false;
    d->hit = (struct debug_hit){.why = DEBUG_NOTHING};
    watch_all(d);
    for (uint32_t i = 0; i < d->seat_count; i++) {
        d->seats[i].if_then = d->seats[i].if_then_end = 0;
    }
}

void debugger_hit(const debugger *d, struct debug_hit *out)
{
    *out = d->hit;
}

uint64_t debugger_count(const debugger *d)
{
    return d->count;
}

void debugger_set_count(debugger *d, uint64_t count)
{
    d->count = count;
}

bool debugger_take_back(debugger *d, uint32_t core)
{
    struct seat *s = &d->seats[core];
    if (!s->c->denied || s->c->stopped) { /* the engine may stand behind the instruction */
        s->c->pc = s->last;
    }
    d->count--;
    return is_inside(s, s->c->pc);
}

/* ---- life ---- */

debugger *debugger_new(void)
{
    return calloc(1, sizeof(debugger));
}

bool debugger_attach(debugger *d, core *c)
{
    if (d->seat_count == DEBUG_CORES) {
        return false;
    }
    struct seat *s = &d->seats[d->seat_count];
    *s = (struct seat){.d = d, .c = c, .number = d->seat_count};
    if (uc_hook_add(c->uc, &s->instruction, UC_HOOK_CODE, (void *)on_instruction, s, 1, 0) != UC_ERR_OK) {
        return false;
    }
    d->seat_count++;
    core_forget_translations(c);
    return true;
}

void debugger_free(debugger *d)
{
    if (d == NULL) {
        return;
    }
    for (uint32_t i = 0; i < d->seat_count; i++) {
        struct seat *s = &d->seats[i];
        watch(s, 0, 0);
        uc_hook_del(s->c->uc, s->instruction);
        core_forget_translations(s->c);
    }
    free(d);
}
