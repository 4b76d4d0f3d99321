/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest that misbehaves on demand: the host chooses how by the word that it puts into the window. */
#include <stdint.h>

static volatile uint32_t *const window = (volatile uint32_t *)0x21810000u;
volatile uint32_t counter;
uint32_t big[4096];
static const uint32_t constant = 5;

uint32_t sum6(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, const uint8_t *f)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6u * f[0];
}

uint32_t spin(void)
{
    for (;;)
        counter++;
}

__attribute__((noinline)) static uint32_t overflow_stack(uint32_t n)
{
    volatile uint32_t frame[64];
    frame[n & 63] = n;
    return overflow_stack(n + 1) + frame[0];
}

__attribute__((noinline)) static void misbehave(uint32_t what)
{
    switch (what) {
    case 1: *(volatile uint32_t *)0x12345678u = 1; break;
    case 2: (void)*(volatile uint32_t *)0x30000004u; break;
    case 3: *(volatile uint32_t *)(uintptr_t)&constant = 6; break;
    case 4: ((void (*)(void))((uintptr_t)big | 1u))(); break;
    case 5: __asm volatile("udf #0"); break;
    case 6: __asm volatile("bkpt #0"); break;
    case 7: __asm volatile("svc #0"); break;
    case 8: spin(); break;
    case 9: overflow_stack(0); break;
    case 10: *(volatile uint32_t *)0x21800000u = 1; break;
    case 11: for (uint32_t i = 0; i < 4096; i++) big[i] += i; break;
    case 12: __asm volatile("wfe"); break;
    default: break;
    }
}

__attribute__((noreturn)) void reset(void)
{
    *(volatile uint32_t *)0xE000E010u = 7;
    *(volatile uint32_t *)0x40004000u = 'o';
    *(volatile uint32_t *)0x40004000u = 'k';
    for (;;) {
        __asm volatile("wfi" ::: "memory");
        misbehave(window[0]);
        counter++;
        window[1] = window[0];
    }
}

__attribute__((section(".vectors"), used)) const uintptr_t vectors[2] = {0x20005000u, (uintptr_t)reset};
__attribute__((used)) static void *keep[] = {(void *)sum6, (void *)spin};
