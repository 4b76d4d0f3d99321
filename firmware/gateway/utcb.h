/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The task's control page, through which it tells the kernel when it wants to be woken. */
#ifndef UTCB_H
#define UTCB_H

#include <stdint.h>

#define NO_WAKE_TIME 0u

/*
 * Sleeps until somebody signals or the kernel's clock has reached `wake_time` (microseconds); NO_WAKE_TIME: for a
 * signal alone. It may return for no reason at all, so that the caller looks again at what it waits for.
 */
void utcb_sleep(uint64_t wake_time);

#endif
