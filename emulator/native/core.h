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

uint32_t core_pc(const core *c); /* where the last run stopped and the next one starts */
void core_set_pc(core *c, uint32_t pc);
uint64_t core_instructions(const core *c);     /* executed by the last run */
uint32_t core_fault_page(const core *c);       /* the engine's page of the denied access */
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
/* binding: end */

#endif
