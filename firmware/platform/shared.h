/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Access to memory that somebody else may write at the same moment. */
#ifndef SHARED_H
#define SHARED_H

#include <stddef.h>
#include <stdint.h>

/* Copies `size` bytes into private memory and reads each of them exactly once. */
void shared_fetch(void *destination, const volatile void *shared, size_t size);

/* Writes `size` bytes, each exactly once, and reads none of them back. */
void shared_store(volatile void *shared, const void *source, size_t size);

/* Writes `size` zero bytes, each exactly once. */
void shared_zero(volatile void *shared, size_t size);

#endif
