/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The runtime of -fstack-protector-strong. A constant is enough: nobody has to be kept from guessing it. No byte of it
 * is zero, as what most often goes too far here is a wipe.
 */
#include "sanitizer/report.h"

extern const uintptr_t __stack_chk_guard;
const uintptr_t __stack_chk_guard = 0x57AC6D3Au;

__attribute__((noreturn)) void __stack_chk_fail(void);
void __stack_chk_fail(void)
{
    sanitizer_stop(SANITIZER_STACK_SMASHING, SANITIZER_CALLER, 0);
}
