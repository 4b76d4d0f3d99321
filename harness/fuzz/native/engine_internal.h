/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this module share among themselves. */
#ifndef HARNESS_FUZZ_ENGINE_INTERNAL_H
#define HARNESS_FUZZ_ENGINE_INTERNAL_H

#include "engine.h"

/* The engine of this process. */
const struct engine *engine_current(void);

/* Tells inputs apart; engine_last_input is that of the one executed last. */
uint64_t engine_digest(const uint8_t *input, size_t size);
uint64_t engine_last_input(void);

#endif
