/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The runtime of -fsanitize=undefined: each handler is a trap that says which check failed. The compiler's own trap
 * instruction is the same for every check, and one for all checks of a function.
 */
#include "sanitizer/report.h"

#include <stddef.h>

/* What the compiler says of an access of an object; the layout is its own. */
struct access {
    const char *file;
    uint32_t line;
    uint32_t column;
    const void *type;
    uint8_t log2_of_alignment;
    uint8_t kind_of_check;
};

/* The handlers get where in the source the check is, and then the operands. */
#define HANDLER(name, kind)                                                                                            \
    __attribute__((noreturn, no_icf)) void __ubsan_handle_##name(void);                                                \
    void __ubsan_handle_##name(void)                                                                                   \
    {                                                                                                                  \
        sanitizer_stop(kind, SANITIZER_CALLER, 0);                                                                     \
    }

HANDLER(add_overflow_abort, SANITIZER_SIGNED_OVERFLOW)
HANDLER(sub_overflow_abort, SANITIZER_SIGNED_OVERFLOW)
HANDLER(mul_overflow_abort, SANITIZER_SIGNED_OVERFLOW)
HANDLER(negate_overflow_abort, SANITIZER_SIGNED_OVERFLOW)
HANDLER(divrem_overflow_abort, SANITIZER_DIVISION)
HANDLER(shift_out_of_bounds_abort, SANITIZER_SHIFT)
HANDLER(pointer_overflow_abort, SANITIZER_POINTER_OVERFLOW)
HANDLER(out_of_bounds_abort, SANITIZER_INDEX)
HANDLER(load_invalid_value_abort, SANITIZER_INVALID_VALUE)
HANDLER(nonnull_arg_abort, SANITIZER_NULL_ARGUMENT)
HANDLER(nonnull_return_v1_abort, SANITIZER_NULL_ARGUMENT)
HANDLER(vla_bound_not_positive_abort, SANITIZER_ARRAY_LENGTH)
HANDLER(builtin_unreachable, SANITIZER_UNREACHABLE)
HANDLER(missing_return, SANITIZER_UNREACHABLE)

/* One handler for null, misaligned and too small objects. */
__attribute__((noreturn)) void __ubsan_handle_type_mismatch_v1_abort(const struct access *access, uintptr_t pointer);
void __ubsan_handle_type_mismatch_v1_abort(const struct access *access, uintptr_t pointer)
{
    const uintptr_t misaligned = pointer & (((uintptr_t)1 << access->log2_of_alignment) - 1);
    sanitizer_stop(pointer == 0      ? SANITIZER_NULL_POINTER
                   : misaligned != 0 ? SANITIZER_ALIGNMENT
                                     : SANITIZER_OBJECT_SIZE,
                   pointer, 0);
}
