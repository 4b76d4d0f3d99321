/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SysTick (ARMv7-M architecture, B3.3). */
#include "platform/tick.h"

#include "platform.h"

#include <stdint.h>

struct systick_registers {
    volatile uint32_t control;
    volatile uint32_t reload;
    volatile uint32_t current;
};

#define CONTROL_ENABLE 1u
#define CONTROL_INTERRUPT 2u
#define CONTROL_CORE_CLOCK 4u

void tick_start(void)
{
    struct systick_registers *const systick = (struct systick_registers *)(uintptr_t)PLATFORM_SYSTICK;

    systick->reload = PLATFORM_CPU_HZ / TICKS_PER_SECOND - 1u;
    systick->current = 0;
    systick->control = CONTROL_ENABLE | CONTROL_INTERRUPT | CONTROL_CORE_CLOCK;
}
