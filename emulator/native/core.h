/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hot loop of the emulated machine: run until the guest idles, keep its instruction budget, enforce its grants,
 * restore its memory. Plain C on libunicorn, without Python, so that an executor can call it directly.
 *
 * The declarations below the marker are read by the binding's build script as well: plain C, no preprocessor.
 */
#ifndef EMULATOR_NATIVE_CORE_H
#define EMULATOR_NATIVE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* binding: begin */
typedef struct core core;

enum core_access { CORE_READ = 1, CORE_WRITE = 2, CORE_EXECUTE = 4 };

enum core_stop {
    CORE_IDLE,        /* the guest waits for an interrupt (WFI) */
    CORE_LIMIT,       /* its instruction budget is used up */
    CORE_DENIED,      /* an access that no grant covers: see core_fault_* */
    CORE_EXCEPTION,   /* a processor exception: undefined instruction, BKPT, SVC */
    CORE_BREAKPOINT,  /* a breakpoint set by the host */
    CORE_ENGINE_ERROR /* the engine itself refused: see core_engine_error */
};

/*
 * `until` is the address that the engine wants for a normal end of a run: it has to be granted and executable, or each
 * run ends in an error, and it must never be reached, since reaching it costs a translation.
 */
core *core_new(void *engine, uint32_t until);
void core_free(core *c);

/* Give the guest a range of pages (4096 bytes, aligned) that `host` backs. Fails when the table is full. */
bool core_grant(core *c, uint32_t base, uint32_t size, int access, uint8_t *host);
void core_revoke_all(core *c);

/* Run from core_pc until something stops the guest, for at most `budget` instructions (counted by whole blocks). */
enum core_stop core_run(core *c, uint64_t budget);

/*
 * Drop translated code, which does not see that the host has changed it, or added or removed hooks. A removed hook is
 * gone only when the next run ends, and what that run translates still serves it: the code is dropped then once more.
 */
void core_forget_translations(core *c);

uint32_t core_pc(const core *c); /* where the last run stopped and the next one starts */
void core_set_pc(core *c, uint32_t pc);
enum { CORE_GENERAL_REGISTERS = 15 };
void core_general_registers(const core *c, uint32_t out[15]); /* r0 to r12, lr, sp */
uint64_t core_instructions(const core *c);                    /* executed by the last run */
uint32_t core_fault_page(const core *c);                      /* the engine's page of the denied access */
uint32_t core_locate_fault(core *c);           /* its exact address, found by repeating the instruction */
int core_fault_access(const core *c);          /* one of core_access */
uint32_t core_exception_number(const core *c); /* as UC_HOOK_INTR numbers them */
int core_engine_error(const core *c);          /* uc_err */
size_t core_last_blocks(const core *c, uint32_t *out, size_t n); /* newest first */

bool core_breakpoint(core *c, uint32_t address); /* stop before the block that starts here */
void core_clear_breakpoints(core *c);

/*
 * Snapshot: memory as it is now becomes what core_restore brings back. Ranges named hot are copied each time; every
 * other writable page is granted read-only until its first write and copied only when it was written.
 */
bool core_hot_range(core *c, uint32_t base, uint32_t size);
bool core_snapshot(core *c);
void core_restore(core *c);
void core_drop_snapshot(core *c);
void core_touch(core *c, uint32_t base, uint32_t size); /* the host is about to write here */
size_t core_dirty_pages(const core *c);

/*
 * Checkpoint: the state before one run, to run it again from there. core_rollback goes back to it as often as wanted;
 * it ends with the next checkpoint, with core_end_checkpoint, and with whatever the snapshot does.
 */
bool core_checkpoint(core *c);
bool core_rollback(core *c);
void core_end_checkpoint(core *c);

/*
 * Watch reads of memory that somebody else writes, both ranges in whole pages: a byte of `fetched` that is read a
 * second time is an event, and the first read of each of the engine's pages (1 KiB) of `unread`. Arming forgets what
 * was seen before.
 */
struct core_read {
    uint32_t address;
    uint32_t size;  /* 0: only the page is known */
    bool forbidden; /* a read of `unread` */
};
bool core_watch(core *c, uint32_t fetched, uint32_t fetched_size, uint32_t unread, uint32_t unread_size);
void core_watch_arm(core *c, bool on);
size_t core_watch_events(const core *c, struct core_read *out, size_t n); /* the first ones since it was armed */

/*
 * Search memory for many secrets at once: `text` is the secrets one after the other, each beginning at a multiple of 4
 * and ending at its entry of `ends`; it has to outlive the needles. Of each secret `tags` has a set of bits: a search
 * passes over the secrets that share one with `passed`.
 */
typedef struct core_needles core_needles;
struct core_match {
    uint32_t memory; /* offset in what was searched */
    uint32_t text;   /* offset of the secret's bytes in the text */
};
core_needles *core_needles_new(const uint8_t *text, const uint32_t *ends, const uint8_t *tags, size_t count);
void core_needles_free(core_needles *n);
size_t core_search(const core_needles *n, const uint8_t *memory, uint32_t size, uint8_t passed, struct core_match *out,
                   size_t max);

/*
 * Trace of blocks and memory accesses, at most `limit` events: one run is recorded, later ones are compared with it.
 * Of a muted function, and of what it calls, nothing is seen but that it was entered.
 */
enum core_event_kind { CORE_EVENT_END, CORE_EVENT_BLOCK, CORE_EVENT_READ, CORE_EVENT_WRITE };
struct core_event {
    uint32_t kind; /* one of core_event_kind */
    uint32_t pc;
    uint32_t address;
    uint32_t size;
};
typedef struct core_trace core_trace;
core_trace *core_trace_new(core *c, size_t limit);
void core_trace_free(core_trace *t);
bool core_trace_mute(core_trace *t, uint32_t function);
void core_trace_record(core_trace *t);  /* the next run is the one to compare with */
void core_trace_compare(core_trace *t); /* the next run is compared */
size_t core_trace_count(const core_trace *t);
bool core_trace_overflow(const core_trace *t);
bool core_trace_difference(const core_trace *t, size_t *index, struct core_event *recorded, struct core_event *other);

/*
 * Coverage: the basic blocks that were executed to their end and where each went, in any order. A block that waited
 * (WFI) went to the address behind it. What a run that did not end by waiting was in the middle of is left out.
 */
struct core_edge {
    uint32_t start; /* of the block, whose last instruction ends before `end` */
    uint32_t end;
    uint32_t to; /* where the next block began */
    uint64_t times;
};
typedef struct core_coverage core_coverage;
core_coverage *core_coverage_new(core *c);
void core_coverage_free(core_coverage *v);
size_t core_coverage_edges(const core_coverage *v, struct core_edge *out,
                           size_t n);                /* between runs; returns all there are */
bool core_coverage_overflow(const core_coverage *v); /* no memory for some of them */
/* binding: end */

#endif
