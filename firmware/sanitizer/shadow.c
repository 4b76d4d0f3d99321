/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The runtime of -fsanitize=kernel-address. The compiler checks each access in line and calls __asan_report_* for a
 * wrong one; it poisons and clears the redzones of a function's own variables itself.
 */
#include "sanitizer/shadow.h"

#include "platform.h"
#include "sanitizer/report.h"

#include <stdbool.h>
#include <stdint.h>

#define GRANULE 8u
#define GLOBAL_REDZONE 0xF9u
#define OUT_OF_SCOPE 0xF8u

extern uint8_t __stack_top[];
extern void (*const __init_array_start[])(void);
extern void (*const __init_array_end[])(void);

/* What the compiler says of a variable; the layout is its own. */
struct global {
    uintptr_t begin;
    uintptr_t size;
    uintptr_t size_with_redzone;
    const char *name;
    const char *module;
    uintptr_t has_dynamic_init;
    const void *location;
    uintptr_t odr_indicator;
};

static uint8_t *shadow_of(uintptr_t address)
{
    return (uint8_t *)(address / GRANULE + PLATFORM_SHADOW_OFFSET);
}

static bool poisoned(uintptr_t address)
{
    const int8_t shadow = *(const int8_t *)shadow_of(address);
    return shadow != 0 && (int)(address % GRANULE) >= shadow;
}

/* Four words at a time where it can: most of a start of a sanitized image is spent here. */
static void fill(uint8_t *from, const uint8_t *end, uint8_t value)
{
    const uint32_t word = value * UINT32_C(0x01010101);
    while (from != end && (uintptr_t)from % sizeof word != 0)
        *from++ = value;
    uint32_t *words = (uint32_t *)(void *)from;
    for (; (size_t)(end - (uint8_t *)words) >= 4 * sizeof word; words += 4) {
        words[0] = word;
        words[1] = word;
        words[2] = word;
        words[3] = word;
    }
    for (from = (uint8_t *)words; from != end; from++)
        *from = value;
}

/* Poisons from `begin`, which may lie inside a granule, to `end`, which may not. */
static void poison(uintptr_t begin, uintptr_t end, uint8_t value)
{
    if (begin % GRANULE != 0)
        *shadow_of(begin) = (uint8_t)(begin % GRANULE);
    fill(shadow_of((begin + GRANULE - 1) & ~(GRANULE - 1)), shadow_of(end), value);
}

void shadow_clear(void)
{
    static const struct {
        uintptr_t base;
        uint32_t size;
    } areas[] = {PLATFORM_SHADOW_AREAS};
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++)
        fill((uint8_t *)areas[i].base, (uint8_t *)areas[i].base + areas[i].size, 0);
}

void shadow_guard_variables(void)
{
    for (void (*const *initialise)(void) = __init_array_start; initialise != __init_array_end; initialise++)
        (*initialise)();
}

/* What lies behind four clean words of shadow, at a time, may be accessed. */
static uintptr_t skip_clean(uintptr_t address, uintptr_t end)
{
    const uint32_t *words = (const uint32_t *)(const void *)shadow_of(address);
    while (end - address >= 16 * GRANULE && (words[0] | words[1] | words[2] | words[3]) == 0) {
        address += 16 * GRANULE;
        words += 4;
    }
    return address;
}

static uintptr_t first_poisoned(uintptr_t address, uintptr_t end)
{
    while (address != end) {
        if (address % (4 * GRANULE) == 0)
            address = skip_clean(address, end);
        if (address % GRANULE == 0 && end - address >= GRANULE && *shadow_of(address) == 0) {
            address += GRANULE;
        } else if (address != end) {
            if (poisoned(address))
                return address;
            address++;
        }
    }
    return end;
}

static inline void check(uintptr_t address, size_t size, enum sanitizer_kind kind)
{
    const uintptr_t found = first_poisoned(address, address + size);
    if (found != address + size)
        sanitizer_stop(kind, found, size);
}

void shadow_check_read(const void *address, size_t size)
{
    check((uintptr_t)address, size, SANITIZER_READ);
}

void shadow_check_write(const void *address, size_t size)
{
    check((uintptr_t)address, size, SANITIZER_WRITE);
}

// ---- what the compiler calls ----

void __asan_register_globals(const struct global *globals, uintptr_t count);
void __asan_register_globals(const struct global *globals, uintptr_t count)
{
    for (const struct global *each = globals; each != globals + count; each++)
        poison(each->begin + each->size, each->begin + each->size_with_redzone, GLOBAL_REDZONE);
}

/* A variable's scope begins, or ends: too large a variable for the compiler to write its shadow in line. */
void __asan_unpoison_stack_memory(uintptr_t address, size_t size);
void __asan_unpoison_stack_memory(uintptr_t address, size_t size)
{
    fill(shadow_of(address), shadow_of(address + size), 0);
    if (size % GRANULE != 0)
        *shadow_of(address + size) = (uint8_t)(size % GRANULE);
}

void __asan_poison_stack_memory(uintptr_t address, size_t size);
void __asan_poison_stack_memory(uintptr_t address, size_t size)
{
    poison(address, (address + size + GRANULE - 1) & ~(GRANULE - 1), OUT_OF_SCOPE);
}

/* The frames above are left without their epilogues. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
    fill(shadow_of((uintptr_t)__builtin_frame_address(0)), shadow_of((uintptr_t)__stack_top), 0);
}

#define REPORT(access, kind, size)                                                                                     \
    __attribute__((noreturn)) void __asan_report_##access##size(uintptr_t address);                                    \
    void __asan_report_##access##size(uintptr_t address)                                                               \
    {                                                                                                                  \
        sanitizer_stop(kind, address, size);                                                                           \
    }

#define REPORTS(access, kind)                                                                                          \
    REPORT(access, kind, 1)                                                                                            \
    REPORT(access, kind, 2)                                                                                            \
    REPORT(access, kind, 4)                                                                                            \
    REPORT(access, kind, 8)                                                                                            \
    REPORT(access, kind, 16)                                                                                           \
    __attribute__((noreturn)) void __asan_report_##access##_n(uintptr_t address, size_t size);                         \
    void __asan_report_##access##_n(uintptr_t address, size_t size)                                                    \
    {                                                                                                                  \
        sanitizer_stop(kind, address, size);                                                                           \
    }

REPORTS(load, SANITIZER_READ)
REPORTS(store, SANITIZER_WRITE)
