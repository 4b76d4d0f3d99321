/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the sanitizers of the `sanitize` build have found, and the one place where every report ends: a BKPT in
 * sanitizer_stop(), with sanitizer_report filled in. Nothing of this is in any other build.
 */
#ifndef SANITIZER_REPORT_H
#define SANITIZER_REPORT_H

#include <stdint.h>

/* The values are read by emulator/sanitizer.py. */
enum sanitizer_kind {
    SANITIZER_READ = 1,
    SANITIZER_WRITE,
    SANITIZER_STACK_SMASHING,
    SANITIZER_SIGNED_OVERFLOW,
    SANITIZER_DIVISION,
    SANITIZER_SHIFT,
    SANITIZER_POINTER_OVERFLOW,
    SANITIZER_INDEX,
    SANITIZER_NULL_POINTER,
    SANITIZER_ALIGNMENT,
    SANITIZER_OBJECT_SIZE,
    SANITIZER_INVALID_VALUE,
    SANITIZER_NULL_ARGUMENT,
    SANITIZER_ARRAY_LENGTH,
    SANITIZER_UNREACHABLE,
};

/* `address` is the byte or the pointer that is wrong; where there is none, the place in the code. */
struct sanitizer_report {
    uint32_t kind;
    uint32_t address;
    uint32_t size;
};

extern struct sanitizer_report sanitizer_report;

__attribute__((noreturn)) void sanitizer_stop(enum sanitizer_kind kind, uintptr_t address, uint32_t size);

/* The place in the code that the function which this is used in would return to, without the Thumb bit. */
#define SANITIZER_CALLER ((uintptr_t)__builtin_return_address(0) & ~(uintptr_t)1)

#endif
