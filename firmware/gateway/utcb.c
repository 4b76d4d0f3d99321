/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "gateway/utcb.h"

#include "platform_gateway.h"

/* The kernel reads both words while the task sleeps, never in between. */
static void set_wake_time(uint64_t wake_time)
{
    volatile uint32_t *const words = (volatile uint32_t *)(uintptr_t)PLATFORM_UTCB;

    words[0] = (uint32_t)wake_time;
    words[1] = (uint32_t)(wake_time >> 32);
}

void utcb_sleep(uint64_t wake_time)
{
    set_wake_time(wake_time);
    __asm__ volatile("dsb\n"
                     "wfi" ::
                         : "memory");
    set_wake_time(NO_WAKE_TIME);
}
