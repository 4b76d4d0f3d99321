/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A task that serves, and that attacks where its orders in the window say so. The same source makes both tasks. */
#include <stdint.h>

#include "task.h"

enum { SERVE, READ, WRITE, EXECUTE, OVERFLOW, SPIN, UNDEFINED };

struct order {
    uint32_t doorbell;
    uint32_t what;
    uint32_t address;
    uint32_t served;
};

static volatile struct order *const order = (volatile struct order *)(WINDOW + ORDER);
extern uint8_t __stack_top[];
uint32_t variable = 1;
const uint32_t constant = 2;
volatile uint32_t sink;

__attribute__((noinline)) static uint32_t overflow_stack(uint32_t n)
{
    volatile uint32_t frame[64];
    frame[n & 63] = n;
    return overflow_stack(n + 1) + frame[0];
}

__attribute__((noinline)) static void attack(uint32_t what, uint32_t address)
{
    switch (what) {
    case READ: sink = *(volatile uint32_t *)address; break;
    case WRITE: *(volatile uint32_t *)address = 0xBAD; break;
    case EXECUTE: ((void (*)(void))(address | 1u))(); break;
    case OVERFLOW: sink = overflow_stack(0); break;
    case SPIN: for (;;) sink++;
    case UNDEFINED: __asm volatile("udf #0"); break;
    default: break;
    }
}

__attribute__((noreturn)) void reset(void)
{
    for (;;) {
        __asm volatile("wfi" ::: "memory");
        attack(order->what, order->address);
        order->served++;
    }
}

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[2] = {(uintptr_t)__stack_top,
                                                                                (uintptr_t)reset};
__attribute__((used)) static const void *const keep[] = {&variable, &constant};
