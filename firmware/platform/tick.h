/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The periodic signal that ends a wait for an interrupt on hardware. */
#ifndef TICK_H
#define TICK_H

#define TICKS_PER_SECOND 1000u

void tick_start(void);

/* To be called behind each wait. */
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
static inline void tick_acknowledge(void)
{
    /* SysTick's handler was taken. */
}
#else
void tick_acknowledge(void);
#endif

#endif
