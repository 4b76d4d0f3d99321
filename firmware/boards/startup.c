/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Vector table and reset: from here to a C environment (ARMv7-M architecture, B1.5). */
#include "memory.h"

#include "sanitizer/shadow.h"

#include <stdint.h>

extern uint8_t __data_load[], __data_start[], __data_end[];
extern uint8_t __bss_start[], __bss_end[];
extern uint8_t __bulk_start[], __bulk_end[];
extern uint8_t __filters_start[], __filters_end[];
extern uint8_t __stack_top[];

int main(void);

/* A fault stops the service in a loop of its own, so that a debugger sees from the program counter which one it was. */
#define FAULT_HANDLER(name)                                                                                            \
    __attribute__((naked, no_icf)) void name(void);                                                                    \
    void name(void)                                                                                                    \
    {                                                                                                                  \
        __asm__ volatile("b .");                                                                                       \
    }

FAULT_HANDLER(fault_nmi)
FAULT_HANDLER(fault_hard)
FAULT_HANDLER(fault_memory_management)
FAULT_HANDLER(fault_bus)
FAULT_HANDLER(fault_usage)
FAULT_HANDLER(fault_svcall)
FAULT_HANDLER(fault_debug_monitor)
FAULT_HANDLER(fault_pendsv)

/* The tick has done its work by being taken: it ended a WFI. */
void systick_handler(void);
void systick_handler(void)
{
}

/* The linker's marks are addresses, not parts of one object: pointers to them must not be subtracted. */
static size_t size_between(const uint8_t *start, const uint8_t *end)
{
    return (uintptr_t)end - (uintptr_t)start;
}

__attribute__((noreturn)) void reset(void);
void reset(void)
{
    shadow_clear();
    memcpy(__data_start, __data_load, size_between(__data_start, __data_end));
    memset(__bss_start, 0, size_between(__bss_start, __bss_end));
    memset(__bulk_start, 0, size_between(__bulk_start, __bulk_end));
    memset(__filters_start, 0, size_between(__filters_start, __filters_end));
    shadow_guard_variables();
    (void)main();
    for (;;)
        continue;
}

union vector {
    void (*handler)(void);
    const void *stack;
};

__attribute__((section(".vectors"), used)) static const union vector vectors[16] = {
    [0] = {.stack = __stack_top},
    [1] = {.handler = reset},
    [2] = {.handler = fault_nmi},
    [3] = {.handler = fault_hard},
    [4] = {.handler = fault_memory_management},
    [5] = {.handler = fault_bus},
    [6] = {.handler = fault_usage},
    [11] = {.handler = fault_svcall},
    [12] = {.handler = fault_debug_monitor},
    [14] = {.handler = fault_pendsv},
    [15] = {.handler = systick_handler},
};
