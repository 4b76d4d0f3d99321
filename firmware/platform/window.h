/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The IPC window. Its client may write any byte of it at any moment (IPC-4), so that whatever is fetched from here is
 * judged on the private copy. Offsets count from the start of the window; the caller keeps them inside it.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include "platform.h"
#include "platform/barrier.h"
#include "platform/shared.h"
#include "protocol.h"

#include <stddef.h>
#include <stdint.h>

_Static_assert(WINDOW_SIZE <= PLATFORM_WINDOW_SIZE, "the board has room for the window");

/* One aligned word of the window, read or written once. */
static inline uint32_t window_fetch_word(uint32_t offset)
{
    return *(const volatile uint32_t *)(uintptr_t)(PLATFORM_WINDOW + offset);
}

static inline void window_store_word(uint32_t offset, uint32_t word)
{
    *(volatile uint32_t *)(uintptr_t)(PLATFORM_WINDOW + offset) = word;
}

/* The value of request_doorbell. The request is not read before it. */
static inline uint32_t window_request_doorbell(void)
{
    const uint32_t doorbell = window_fetch_word(WINDOW_REQUEST_DOORBELL);
    BARRIER();
    return doorbell;
}

/* Stores response_doorbell once everything that was written before is visible to the client (IPC-3). */
static inline void window_answer(uint32_t doorbell)
{
    BARRIER();
    window_store_word(WINDOW_RESPONSE_DOORBELL, doorbell);
}

/* Copies `size` bytes of the window; each is read exactly once. */
static inline void window_fetch(void *destination, uint32_t offset, size_t size)
{
    shared_fetch(destination, (const volatile void *)(uintptr_t)(PLATFORM_WINDOW + offset), size);
}

/* Write `size` bytes, or as many zeros. */
static inline void window_store(uint32_t offset, const void *source, size_t size)
{
    shared_store((volatile void *)(uintptr_t)(PLATFORM_WINDOW + offset), source, size);
}

static inline void window_zero(uint32_t offset, size_t size)
{
    shared_zero((volatile void *)(uintptr_t)(PLATFORM_WINDOW + offset), size);
}

#endif
