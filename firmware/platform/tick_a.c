/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The generic timer (ARMv7-A architecture, B8) through the interrupt controller (GICv2 architecture, chapter 4). The
 * core keeps interrupts masked, so that the timer ends a WFI by being pending and no handler is needed.
 */
#include "platform/tick.h"

#include "platform.h"

#include <stdint.h>

/* The physical timer's interrupts, Secure and Non-secure: whichever state the board was started in. */
#define TIMER_INTERRUPTS (1u << 29 | 1u << 30)
#define ENABLE 1u
#define LOWEST_PRIORITY 0xFFu

/* Byte offsets in the distributor and in the core's part. */
#define DISTRIBUTOR_CONTROL 0x000u
#define DISTRIBUTOR_ENABLE_SET 0x100u
#define CPU_CONTROL 0x000u
#define CPU_PRIORITY_MASK 0x004u

static void write_word(uintptr_t address, uint32_t value)
{
    *(volatile uint32_t *)address = value;
}

/* Counts down from a millisecond; the interrupt is no longer pending from here on until then. */
static void rearm(void)
{
    uint32_t frequency;

    __asm__ volatile("mrc p15, 0, %0, c14, c0, 0" : "=r"(frequency));                     /* CNTFRQ */
    __asm__ volatile("mcr p15, 0, %0, c14, c2, 0" : : "r"(frequency / TICKS_PER_SECOND)); /* CNTP_TVAL */
}

void tick_start(void)
{
    write_word(PLATFORM_GIC_DISTRIBUTOR + DISTRIBUTOR_ENABLE_SET, TIMER_INTERRUPTS);
    write_word(PLATFORM_GIC_DISTRIBUTOR + DISTRIBUTOR_CONTROL, ENABLE);
    write_word(PLATFORM_GIC_CPU + CPU_PRIORITY_MASK, LOWEST_PRIORITY);
    write_word(PLATFORM_GIC_CPU + CPU_CONTROL, ENABLE);
    rearm();
    __asm__ volatile("mcr p15, 0, %0, c14, c2, 1" : : "r"(ENABLE)); /* CNTP_CTL */
}

void tick_acknowledge(void)
{
    rearm();
}
