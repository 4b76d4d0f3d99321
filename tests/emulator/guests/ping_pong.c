/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One of two tasks that ring each other by the window's first two words. CALLER rings, the other one answers. */
#include <stdint.h>

static volatile uint32_t *const window = (volatile uint32_t *)0x21810000u;
extern uint8_t __stack_top[];
volatile uint32_t rounds;

__attribute__((noreturn)) void reset(void)
{
#ifdef CALLER
    for (;;) {
        window[0]++;
        while (window[1] != window[0])
            __asm volatile("wfi" ::: "memory");
        rounds++;
    }
#else
    for (;;) {
        while (window[1] == window[0])
            __asm volatile("wfi" ::: "memory");
        window[1] = window[0];
        rounds++;
    }
#endif
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[2] = {(uintptr_t)__stack_top,
                                                                                (uintptr_t)reset};
