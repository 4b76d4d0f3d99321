/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The address sanitizer's shadow: one byte for each eight of memory, at address / 8 + PLATFORM_SHADOW_OFFSET. 0: all
 * eight may be accessed; 1 to 7: so many of the first; else none, for the reason that the value names.
 *
 * The compiler's own checks see single accesses. What memory functions touch is checked by calls of this header, which
 * are nothing in builds without sanitizers.
 */
#ifndef SANITIZER_SHADOW_H
#define SANITIZER_SHADOW_H

#include <stddef.h>

#ifdef SANITIZE
/* Allows every access: the first thing that start-up code does. */
void shadow_clear(void);
/* Lays the redzones behind all variables, which have to be initialised. */
void shadow_guard_variables(void);
/* Report the first of `size` bytes that may not be accessed. */
void shadow_check_read(const void *address, size_t size);
void shadow_check_write(const void *address, size_t size);
#else
static inline void shadow_clear(void)
{
}
static inline void shadow_guard_variables(void)
{
}
static inline void shadow_check_read(const void *address, size_t size)
{
    (void)address;
    (void)size;
}
static inline void shadow_check_write(const void *address, size_t size)
{
    (void)address;
    (void)size;
}
#endif

#endif
