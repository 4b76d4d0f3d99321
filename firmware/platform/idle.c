/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Waiting for the client's signal. A doorbell may ring between the look at it and the WFI; interrupts stay enabled and
 * SysTick comes every millisecond, so that such a ring is seen at the next tick.
 */
#include "platform/idle.h"

#include "platform.h"
#include "platform/window.h"

/* ARMv7-M architecture, B3.3. */
struct systick_registers {
    volatile uint32_t control;
    volatile uint32_t reload;
    volatile uint32_t current;
};

#define CONTROL_ENABLE 1u
#define CONTROL_INTERRUPT 2u
#define CONTROL_CORE_CLOCK 4u
#define TICKS_PER_SECOND 1000u

void idle_init(void)
{
    struct systick_registers *const systick = (struct systick_registers *)(uintptr_t)PLATFORM_SYSTICK;

    systick->reload = PLATFORM_CPU_HZ / TICKS_PER_SECOND - 1u;
    systick->current = 0;
    systick->control = CONTROL_ENABLE | CONTROL_INTERRUPT | CONTROL_CORE_CLOCK;
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
    }
}
