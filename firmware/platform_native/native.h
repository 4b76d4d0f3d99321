/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the host calls. The pages that it fills before, and looks at behind a call, are those of platform.h. */
#ifndef NATIVE_H
#define NATIVE_H

#include <stddef.h>
#include <stdint.h>

/* Starts the service on the pages as they are, to its first wait. Once, unless the variables have been put back. */
void native_boot(void);

/* Answers the request when the doorbell has been rung, and returns where the service waits again. */
void native_exchange(void);

/* The variables of the whole library, pages included: whole pages of memory. */
struct native_state {
    uint8_t *begin;
    size_t size;
};
struct native_state native_state(void);

/*
 * Puts the variables into the file, as they are, and maps the file in their place, so that whoever else maps it shares
 * them. False: the file cannot be written or mapped; errno says why.
 */
__attribute__((warn_unused_result)) _Bool native_share(int file);

#endif
