/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who reads shared memory twice. A memory hook would take every access of the guest off the fast path; here the virtual
 * TLB leads the watched pages alone to a device that stands in for them, and all others stay as fast as they are.
 * Memory that must not be read at all is granted without the right to read, so that the first read of it is seen.
 */
#include "core_internal.h"

#include <stdlib.h>
#include <string.h>

/* Physical addresses that no board has; what the guest sees of the stand-in are its own virtual ones. */
#define STAND_IN 0xC0000000u

static void note(struct watch *w, uint32_t address, uint32_t size, bool forbidden)
{
    if (w->event_count < WATCH_EVENTS_MAX) {
        w->events[w->event_count] = (struct core_read){.address = address, .size = size, .forbidden = forbidden};
    }
    w->event_count++;
}

static uint64_t on_fetch(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    struct watch *w = user;
    uint32_t at = (uint32_t)offset;
    uint64_t value = 0;
    bool again = false;
    (void)uc;
    memcpy(&value, w->host + at, size); /* both ends are little-endian */
    for (uint32_t i = at; i < at + size; i++) {
        again = again || w->times[i] != 0;
        w->times[i] = 1;
    }
    if (w->race_at - at < size && w->race_mask != 0) {
        w->host[w->race_at] ^= w->race_mask;
        w->race_mask = 0;
    }
    w->low = at < w->low ? at : w->low;
    w->high = at + size > w->high ? at + size : w->high;
    if (again) {
        note(w, w->fetched + at, size, false);
    }
    return value;
}

static void on_store(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    struct watch *w = user;
    (void)uc;
    memcpy(w->host + offset, &value, size);
}

bool fill_watched(core *c, uint32_t address, int access, uc_tlb_entry *entry)
{
    struct watch *w = &c->watch;
    if (address - w->fetched < w->fetched_size) {
        entry->paddr = STAND_IN + (address - w->fetched);
        entry->perms = (uc_prot)(UC_PROT_READ | UC_PROT_WRITE);
        return true;
    }
    if (address - w->unread < w->unread_size) {
        entry->paddr = address;
        entry->perms = (uc_prot)(access == CORE_WRITE ? UC_PROT_WRITE : UC_PROT_READ | UC_PROT_WRITE);
        if (access == CORE_READ) {
            note(w, address, 0, true);
        }
        return true;
    }
    return false;
}

/* The engine keeps the stand-in for good: a machine has one window. */
bool core_watch(core *c, uint32_t fetched, uint32_t fetched_size, uint32_t unread, uint32_t unread_size)
{
    struct watch *w = &c->watch;
    struct grant *g = find_grant(c, fetched);
    if (w->mapped || g == NULL || g->host == NULL || fetched_size > g->size - (fetched - g->base) ||
        ((fetched | fetched_size | unread | unread_size) & PAGE_MASK) || fetched_size == 0) {
        return false;
    }
    w->times = calloc(fetched_size, 1);
    if (w->times == NULL || uc_mmio_map(c->uc, STAND_IN, fetched_size, on_fetch, w, on_store, w) != UC_ERR_OK) {
        free(w->times);
        w->times = NULL;
        return false;
    }
    w->mapped = true;
    w->host = g->host + (fetched - g->base);
    w->fetched = fetched;
    w->fetched_size = fetched_size;
    w->unread = unread;
    w->unread_size = unread_size;
    w->low = fetched_size;
    return true;
}

void core_watch_arm(core *c, bool on)
{
    struct watch *w = &c->watch;
    if (w->high > w->low) {
        memset(w->times + w->low, 0, w->high - w->low);
    }
    w->low = w->fetched_size;
    w->high = 0;
    w->event_count = 0;
    w->race_mask = 0;
    if (w->armed != (on && w->mapped)) {
        w->armed = on && w->mapped;
        uc_ctl_flush_tlb(c->uc);
    }
}

void core_watch_race(core *c, uint32_t address, uint8_t mask)
{
    struct watch *w = &c->watch;
    w->race_at = address - w->fetched;
    w->race_mask = w->race_at < w->fetched_size ? mask : 0;
}

size_t core_watch_events(const core *c, struct core_read *out, size_t n)
{
    size_t have = c->watch.event_count < WATCH_EVENTS_MAX ? c->watch.event_count : WATCH_EVENTS_MAX;
    size_t count = n < have ? n : have;
    memcpy(out, c->watch.events, count * sizeof *out);
    return count;
}

void free_watch(core *c)
{
    free(c->watch.times);
}
