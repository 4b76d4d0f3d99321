/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the host calls. The pages that it fills before, and looks at behind a call, are those of platform.h. */
#ifndef NATIVE_H
#define NATIVE_H

#include <stddef.h>
#include <stdint.h>

/* Starts the service on the pages as they are, to its first wait. Once, unless native_restore() has gone back. */
void native_boot(void);

/* Answers the request when the doorbell has been rung, and returns where the service waits again. */
void native_exchange(void);

/* The variables of the whole library, pages included: their size, copies of them, and the way back to a copy. */
size_t native_state_size(void);
void native_save(uint64_t *state);
void native_restore(const uint64_t *state);

#endif
