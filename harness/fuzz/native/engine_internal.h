/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this module share among themselves. */
#ifndef HARNESS_FUZZ_ENGINE_INTERNAL_H
#define HARNESS_FUZZ_ENGINE_INTERNAL_H

#include "engine.h"

/* The engine of this process. */
const struct engine *engine_current(void);

/* Runs an input for the sake of its compares; false where no executor is. */
bool engine_try(const uint8_t *input, size_t size);

/* Tells inputs apart. */
uint64_t engine_digest(const uint8_t *input, size_t size);

/* The digest of the input executed last, and all that is known of its run. */
uint64_t last_run_input(void);
void last_run_read(struct engine_last *out);

/* For engine.c: an input was executed; another engine begins. */
void last_run_note(const uint8_t *input, size_t size);
void last_run_forget(void);

/*
 * The file that HIL_FUZZ_LAST_RUN names, if any, carries the last run from now on: from the process that executes to
 * the one that mutates. False where it cannot be mapped.
 */
bool last_run_share(bool executes);

#endif
