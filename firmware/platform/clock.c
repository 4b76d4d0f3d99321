/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "platform/clock.h"

#include "platform.h"
#include "protocol.h"

/*
 * The high word changes once in 71 minutes, so that one repetition suffices for a true clock. The bound is for a false
 * one: no content of any page keeps the service from answering (IPC-6).
 */
#define ATTEMPTS 4u

uint64_t clock_now(void)
{
    const volatile uint32_t *const words =
        (const volatile uint32_t *)(uintptr_t)(PLATFORM_KERNEL_PAGE + KERNEL_PAGE_CLOCK);
    uint32_t high = words[1];
    uint32_t low = 0;

    for (unsigned attempt = 0; attempt < ATTEMPTS; attempt++) {
        low = words[0];
        const uint32_t again = words[1];
        if (again == high)
            break;
        high = again;
    }
    return (uint64_t)high << 32 | low;
}
