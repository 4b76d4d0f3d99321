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
    CORE_IDLE,        /* the guest waits for an interrupt (WFI), or where core_wait_at has it */
    CORE_LIMIT,       /* its instruction budget is used up */
    CORE_DENIED,      /* an access that no grant covers: see core_fault_* */
    CORE_EXCEPTION,   /* a processor exception: undefined instruction, BKPT, SVC */
    CORE_BREAKPOINT,  /* a breakpoint set by the host */
    CORE_ENGINE_ERROR /* the engine itself refused: see core_engine_error */
};

/*
 * `arm`: the guest executes ARM state, and not Thumb state. `until` is the address that the engine wants for a normal
 * end of a run: it has to be granted and executable, or each run ends in an error, and it must never be reached, since
 * reaching it costs a translation.
 */
core *core_new(void *engine, uint32_t until, bool arm);
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
uint64_t core_instructions(const core *c); /* of the last run, and of the block that its budget did not suffice for */
uint64_t core_executed(const core *c);     /* of the last run alone; what an If-Then block skips counts as well */
uint32_t core_fault_page(const core *c);   /* the engine's page of the denied access */
uint32_t core_locate_fault(core *c);       /* its exact address, found by repeating the instruction */
int core_fault_access(const core *c);      /* one of core_access */
uint32_t core_exception_number(const core *c);                   /* as UC_HOOK_INTR numbers them */
int core_engine_error(const core *c);                            /* uc_err */
size_t core_last_blocks(const core *c, uint32_t *out, size_t n); /* newest first */

/*
 * From now on each access that is not aligned to its size ends the run in an exception (number 4, PC at its
 * instruction) where hardware would trap it: the engine does so itself only where the core traps all of them. For good,
 * and slow.
 */
bool core_check_alignment(core *c);
uint32_t core_unaligned_address(const core *c); /* of the access that ended the last run; 0: none was found so */

bool core_breakpoint(core *c, uint32_t address); /* stop before the block that starts here */
void core_clear_breakpoints(core *c);

/*
 * For a guest that polls in the place of a WFI: it is idle each time it comes to the block that starts here, except the
 * one that a run begins with.
 */
void core_wait_at(core *c, uint32_t address);

/*
 * Snapshot: memory as it is now becomes what core_restore brings back. Ranges named hot are copied each time; every
 * other writable page is granted read-only until its first write, and copied when it was written by the last run, or by
 * one shortly before it. The host announces what it writes to them (core_touch).
 */
bool core_hot_range(core *c, uint32_t base, uint32_t size);
bool core_snapshot(core *c);
void core_restore(core *c);
void core_drop_snapshot(core *c);
void core_touch(core *c, uint32_t base, uint32_t size); /* the host is about to write here */

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
 * Feedback for fuzzing: counters of edges between blocks, and the operands of compares. `counters` belongs to whoever
 * drives the fuzzing (a shared map, say), who also zeroes it: the first CORE_EDGES count edges, each numbered when it
 * is first seen; the rest is for states (core_feedback_state). Of compares the first ones of each place in each request
 * are kept, up to a limit, since the last core_feedback_begin.
 */
enum { CORE_COUNTERS = 8192, CORE_EDGES = 7168, CORE_COMPARES = 4096 };
struct core_compare {
    uint32_t pc;
    uint32_t left;
    uint32_t right;
    uint32_t request; /* the exchange in which it was made */
    uint32_t looped;  /* whether this place is a loop's end, by what else it compared in the run */
};
bool core_feedback(core *c, uint8_t *counters);
void core_feedback_begin(core *c);
void core_feedback_request(core *c, uint32_t request); /* another one: places of compares are new again */
void core_feedback_state(core *c, uint32_t state);     /* a state that the host has observed */
size_t core_edge_count(const core *c);                 /* edges numbered so far */
size_t core_compares(core *c, struct core_compare **out);

/*
 * While the watch is armed: after the first read of one byte of `fetched`, change its bits of `mask`, as a client that
 * writes at the wrong moment. 0 for `mask`: no race.
 */
void core_watch_race(core *c, uint32_t address, uint8_t mask);
/*
 * Executor: runs a script (script.h) from the snapshot on, against a guest that answers requests in a mailbox: a window
 * with two doorbells and two areas, each beginning with a header. It judges what can be judged without a model, and
 * keeps every exchange for whoever judges the rest. All offsets count from the window's start.
 */
enum executor_verdict {
    EXECUTOR_PASS,
    EXECUTOR_FAULT,        /* the guest stopped: see core_* for how */
    EXECUTOR_HANG,         /* it used more instructions than its bound */
    EXECUTOR_UNANSWERED,   /* it waits, and has not answered the doorbell */
    EXECUTOR_MALFORMED,    /* the response's header is none */
    EXECUTOR_STATUS,       /* a status outside the table */
    EXECUTOR_DOUBLE_FETCH, /* a request byte was read twice, or the response area at all */
    EXECUTOR_MISMATCH,     /* only judges say so */
    EXECUTOR_RESIDUE       /* only judges say so */
};
enum { EXECUTOR_EXCHANGES = 512, EXECUTOR_IMAGES = 16 };
struct executor_exchange {
    uint64_t clock; /* microseconds */
    uint64_t instructions;
    const uint8_t *request; /* the request area from its header on; what follows is zero */
    const uint8_t *response;
    uint32_t request_size;
    uint32_t response_size; /* of the payload */
    uint32_t status;
    uint32_t image; /* key image that is in place */
    uint32_t step;  /* where in the script the step begins that rang; 0 without a script */
};
struct executor_config {
    uint32_t window;
    uint32_t window_size;
    uint32_t request; /* areas */
    uint32_t response;
    uint32_t area_size;   /* header and largest payload */
    uint32_t key_storage; /* address and size */
    uint32_t key_storage_size;
    uint32_t clock;            /* address of the u64 */
    uint32_t statuses;         /* one bit for each that is in the table */
    uint8_t request_header[4]; /* of a sound request; the third byte is the type */
    uint8_t response_header[4];
    uint64_t bound_fixed[256]; /* instructions for each type, and for each byte of payload */
    uint64_t bound_per_byte[256];
    bool types[256];         /* those that the protocol has */
    uint64_t script_budget;  /* instructions; a script that has used them up ends early, which is no finding */
    bool raw;                /* the input is one request, not a script */
    uint32_t watch_interval; /* every so many-th script is watched for second fetches; 0: only requests with a race */
};
typedef struct executor executor;
typedef int (*executor_judge)(void *user, executor *e);

/* The machine is to be as it is right behind boot; takes the snapshot's place as the state that scripts start from. */
executor *executor_new(core *c, const struct executor_config *config);
void executor_free(executor *e);
bool executor_add_image(executor *e,
                        const uint8_t *image); /* key_storage_size bytes; the first is in place at the start */
/* Called behind a script that has passed so far; returns an executor_verdict. */
void executor_set_judge(executor *e, executor_judge judge, void *user);
enum executor_verdict executor_run(executor *e, const uint8_t *script, size_t size);
enum core_stop executor_stop(const executor *e);                         /* of the last run */
uint64_t executor_key(const executor *e, enum executor_verdict verdict); /* equal for findings that look alike */
size_t executor_exchanges(executor *e, struct executor_exchange **out);  /* of the last script */
uint64_t executor_instructions(const executor *e);                       /* of the last script */
/* What raw bytes the last script has put into the window: from the first to behind the last one, as addresses. */
void executor_written(const executor *e, uint32_t *begin, uint32_t *end);
/* Count exchanges by type and status here: EXECUTOR_STATUSES for each of the 256 types; NULL: nowhere. */
enum { EXECUTOR_STATUSES = 16 };
void executor_count_into(executor *e, uint64_t *reached);

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

/*
 * Single steps: while they are on, each run writes down the registers before every instruction that it executes, in
 * rows of CORE_STEP_REGISTERS: r0 to r12, sp, lr, pc, xpsr. What an If-Then block skips has no row. A run's budget is
 * to be at most `capacity`.
 */
enum { CORE_STEP_REGISTERS = 17 };
typedef struct core_steps core_steps;
core_steps *core_steps_new(core *c, size_t capacity);
void core_steps_free(core_steps *s);
enum core_stop core_steps_run(core_steps *s, uint64_t budget); /* core_run; the rows of the run before are gone */
size_t core_steps_rows(const core_steps *s, uint32_t **rows);
void core_step_registers(const core *c, uint32_t row[17]); /* as they are now, between runs */

/*
 * Debugger: stands before every instruction of the cores that it is attached to, which costs them their speed, and only
 * them. One count of instructions goes over all of its cores, so that a place in the run of a system is one number.
 */
enum debug_why { DEBUG_NOTHING, DEBUG_LIMIT, DEBUG_STEP, DEBUG_BREAKPOINT, DEBUG_WATCHPOINT };
enum { DEBUG_CORES = 4, DEBUG_POINTS = 64 };
struct debug_hit {
    uint32_t why;     /* one of debug_why */
    uint32_t core;    /* by order of attachment */
    uint64_t at;      /* the count before the instruction that hit */
    uint32_t address; /* of the breakpoint, or of the watched byte that was accessed first */
    uint32_t point;   /* the watchpoint, by order of addition */
};
struct debug_run {
    uint64_t limit;       /* stop where the count is this */
    int step;             /* stop behind one instruction of this core; -1: of none */
    bool collect;         /* do not stop at points, remember the last hit */
    bool pass_breakpoint; /* at the first instruction: it has been told */
    bool pass_watchpoint;
};
typedef struct debugger debugger;
debugger *debugger_new(void);
void debugger_free(debugger *d); /* before its cores */
bool debugger_attach(debugger *d, core *c);
bool debugger_breakpoint(debugger *d, uint32_t address);
bool debugger_watchpoint(debugger *d, uint32_t address, uint32_t size, int access);
void debugger_clear_points(debugger *d);
void debugger_begin(debugger *d, const struct debug_run *run); /* what holds for the core_run calls that follow */
void debugger_hit(const debugger *d, struct debug_hit *out);
uint64_t debugger_count(const debugger *d);
void debugger_set_count(debugger *d, uint64_t count);
/*
 * The last instruction of this core has faulted, so it does not count. True: it is within an If-Then block, all of
 * which is one instruction here, as the engine cannot be stopped inside; the core is within the block.
 */
bool debugger_take_back(debugger *d, uint32_t core);
/* binding: end */

#endif
