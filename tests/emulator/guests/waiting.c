/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A task that waits: for its doorbell, for as long as the host's word says, and notes when it was woken. */
#include <stdint.h>

#include "task.h"

#define KERNEL_CLOCK 0x21800008u
#define NAPS 8

struct order {
    uint32_t doorbell;
    uint32_t naps;   /* how many times to wait with a timeout */
    uint64_t length; /* of each, in microseconds */
    uint64_t woken[NAPS];
    uint32_t wakes;
};

static volatile struct order *const order = (volatile struct order *)(WINDOW + ORDER);
extern uint8_t __stack_top[];

__attribute__((noreturn)) void reset(void)
{
    for (;;) {
        if (order->naps != 0) {
            order->naps--;
            *(volatile uint64_t *)UTCB = *(volatile uint64_t *)KERNEL_CLOCK + order->length;
        }
        __asm volatile("wfi" ::: "memory");
        order->woken[order->wakes++ % NAPS] = *(volatile uint64_t *)KERNEL_CLOCK;
    }
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[2] = {(uintptr_t)__stack_top,
                                                                                (uintptr_t)reset};
