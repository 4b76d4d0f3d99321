/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the native core share among themselves; the binding does not see it. */
#ifndef EMULATOR_NATIVE_CORE_INTERNAL_H
#define EMULATOR_NATIVE_CORE_INTERNAL_H

#include "core.h"

#include <unicorn/unicorn.h>

#define PAGE_SIZE 4096u
#define PAGE_MASK (PAGE_SIZE - 1u)
#define IF_THEN_BITS 0x0600FC00u /* ARMv7-M ARM, B1.4.2: EPSR.IT */
#define ENGINE_PAGE_SIZE 1024u   /* of the engine's TLB */
#define ENGINE_PAGE_MASK (ENGINE_PAGE_SIZE - 1u)
#define GRANTS_MAX 32
#define HOT_RANGES_MAX 16
#define WARM_PAGES 8u     /* dirty pages that stay writable behind a restore */
#define WARM_RESTORES 16u /* for so many */
#define BREAKPOINTS_MAX 64
#define WATCH_EVENTS_MAX 16
#define EDGE_TABLE 32768u      /* a power of two, well above the edges of any image that fits the counters */
#define COMPARED_PLACES 32768u /* direct-mapped by address, for 64 KiB of code; a power of two */
#define LAST_BLOCKS 64u        /* a power of two: the ring index is masked */
#define NOWHERE 1u             /* no address of code */
#define BLOCK_CACHE 16384u     /* direct-mapped by address; a power of two */

struct grant {
    uint32_t base;
    uint32_t size;
    int access;
    uint8_t *host;
    uint8_t **saved;    /* one pointer a page: its content at the snapshot, once it was written */
    uint8_t *dirty;     /* one flag a page */
    uint8_t *untracked; /* one flag a page: a hot range covers it whole */
    uint8_t *kept;      /* one flag a page: its content at the checkpoint is kept */
};

struct hot_range {
    uint32_t base;
    uint32_t size;
    uint8_t *host;
    uint8_t *saved;
};

struct dirty_page {
    struct grant *grant;
    uint32_t page;
};

/* A page as it was at the checkpoint; the copies are used again by the next one. */
struct kept_page {
    struct grant *grant;
    uint32_t page;
    uint8_t *content;
};

struct checkpoint {
    bool on;
    uc_context *context;
    uint32_t pc;
    struct kept_page *pages;
    size_t count;
    size_t capacity;
};

struct watch {
    bool mapped; /* the engine knows the stand-in for the fetched range */
    bool armed;
    uint32_t fetched; /* address and size: each byte may be read once */
    uint32_t fetched_size;
    uint32_t unread; /* address and size: never to be read */
    uint32_t unread_size;
    uint8_t *host;  /* of the fetched range */
    uint8_t *times; /* how often each of its bytes was read, up to 2 */
    uint32_t low;   /* the part of `times` that is not zero */
    uint32_t high;
    struct core_read events[WATCH_EVENTS_MAX];
    size_t event_count;
    uint32_t race_at; /* offset of the byte that changes after its first read */
    uint8_t race_mask;
};

/* One place of an open-addressing table: an edge and its counter, that of its number. */
struct edge {
    uint32_t from;
    uint32_t to;
    uint32_t counter; /* its index and 1; 0: free */
};

struct compared_place {
    uint32_t pc;
    uint32_t epoch; /* of the count */
    uint32_t count;
    uint32_t looped; /* the run in which it looked like a loop's end */
    uint32_t left;   /* the last operands, and what they were more than those before */
    uint32_t right;
    uint32_t left_step;
    uint32_t right_step;
};

struct feedback {
    uint8_t *counters; /* NULL: off */
    uint32_t previous;
    uint32_t edge_count;
    uint32_t epoch; /* a request's */
    uint32_t request;
    uint32_t run;
    size_t compare_count;
    struct edge edges[EDGE_TABLE];
    struct compared_place places[COMPARED_PLACES];
    struct core_compare compares[CORE_COMPARES];
};

/* A block of code, and the edge by which it was entered last: one line of a core's cache has all that a block costs. */
struct block {
    uint32_t address;
    uint16_t size;
    uint16_t instructions;
    uint32_t from;
    uint32_t counter; /* of the edge, its index and 1; 0: there is none yet */
};

struct core {
    uc_engine *uc;
    uint32_t until;
    bool arm; /* state of the guest's code: ARM, or else Thumb */
    uc_context *context;
    uint32_t context_pc;
    bool snapshot;

    struct grant grants[GRANTS_MAX];
    size_t grant_count;
    struct hot_range hot[HOT_RANGES_MAX];
    size_t hot_count;
    struct dirty_page *dirty;
    size_t dirty_count;
    size_t dirty_capacity;
    uint32_t warm_restores; /* since the dirty pages were read-only last */

    int64_t fuel;
    uint32_t not_run; /* instructions of the block before which the budget ended */
    enum core_stop stop;
    bool stopped;
    bool stopped_before; /* a block: its address is in `pc`, which the engine does not know yet */
    bool denied;
    uint32_t pc;
    uint64_t instructions;
    core_coverage *coverage; /* NULL: nothing is recorded */
    uint32_t fault_page;
    int fault_access;
    bool locating;
    uint32_t located;
    uint32_t exception;
    uc_err error;

    uint32_t breakpoints[BREAKPOINTS_MAX];
    size_t breakpoint_count;
    uint32_t waits_at;   /* the block before which the guest counts as idle, or NOWHERE */
    bool has_stops;      /* breakpoints, or `waits_at` */
    uint32_t resumed_at; /* a run that starts on a breakpoint passes it */
    bool resuming;

    bool checks_alignment;
    uc_hook alignment;
    uint32_t unaligned; /* address of the access that it has found; 0: none, as that is aligned */
    bool flush_again;   /* behind the next run: see core_forget_translations */
    struct checkpoint checkpoint;
    struct watch watch;
    struct feedback *feedback;

    uint32_t last[LAST_BLOCKS];
    uint32_t last_count;
    _Alignas(16) struct block blocks[BLOCK_CACHE];
};

/* Install the engine's hooks. False: it has refused. */
bool hook_grants(core *c);
bool hook_run(core *c);

/* Where the engine is to start: bit 0 selects Thumb state anew each time. */
uint64_t start_address(const core *c);

/* The grant that holds an address, or NULL. */
struct grant *find_grant(core *c, uint32_t address);

/* Whether the instruction that ends before `end` is a WFI. */
bool waits_before(core *c, uint32_t end);

/* Clears the If-Then state that the engine shows in CPSR during a data access: every hook of one has to. */
void leave_if_then_block(uc_engine *uc);

/* Ends the run; the first reason given is the one that counts. */
void stop_with(core *c, enum core_stop why);

/* Keeps a page's content for core_restore, and that it is written. False: no memory. */
bool mark_dirty(core *c, struct grant *g, uint32_t page);

/* Keeps a page's content for core_rollback, once in each checkpoint. False: no memory. */
bool keep_page(core *c, struct grant *g, uint32_t page);

/* What the fill callback grants of a watched page: true when it is one, with `entry` filled. */
bool fill_watched(core *c, uint32_t address, int access, uc_tlb_entry *entry);

/* Counts the edge from the block before to this one. */
void count_edge(struct feedback *f, struct block *b);

/* Coverage: a block is about to be executed; a run has ended. */
void cover_block(core_coverage *v, uint32_t address, uint32_t size);
void cover_end(core_coverage *v);
/* The guest waits before the block at an address. */
void cover_wait(core_coverage *v, uint32_t address);

void free_checkpoint(core *c);
void free_watch(core *c);

#endif
