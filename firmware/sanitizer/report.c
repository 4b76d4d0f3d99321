/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sanitizer/report.h"

struct sanitizer_report sanitizer_report;

__attribute__((noinline)) void sanitizer_stop(enum sanitizer_kind kind, uintptr_t address, uint32_t size)
{
    sanitizer_report = (struct sanitizer_report){.kind = kind, .address = address, .size = size};
    for (;;)
        __asm__ volatile("bkpt #0" ::: "memory");
}
