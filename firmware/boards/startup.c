/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From reset, with a stack, to a C environment; what brings the stack is in vectors_m.c and vectors_a.S. */
#include "memory.h"

#include "sanitizer/shadow.h"

#include <stdint.h>

extern uint8_t __data_load[], __data_start[], __data_end[];
extern uint8_t __bss_start[], __bss_end[];
extern uint8_t __bulk_start[], __bulk_end[];
extern uint8_t __filters_start[], __filters_end[];
extern uint8_t __stack_top[];

int main(void);

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
