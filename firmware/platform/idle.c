/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Waiting for the client's signal. A doorbell may ring between the look at it and the WFI; the tick comes every
 * millisecond, so that such a ring is seen then.
 */
#include "platform/idle.h"

#include "platform/tick.h"
#include "platform/window.h"

void idle_init(void)
{
    tick_start();
}

uint32_t idle_until_request(uint32_t answered)
{
    for (;;) {
        const uint32_t doorbell = window_request_doorbell();
        if (doorbell != answered)
            return doorbell;
        __asm__ volatile("dsb\n"
                         "wfi" ::
                             : "memory");
        tick_acknowledge();
    }
}
