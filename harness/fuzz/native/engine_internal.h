/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this module share among themselves. */
#ifndef HARNESS_FUZZ_ENGINE_INTERNAL_H
#define HARNESS_FUZZ_ENGINE_INTERNAL_H

#include "engine.h"

/* The engine of this process. */
const struct engine *engine_current(void);

#endif
