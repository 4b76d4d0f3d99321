/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The memory functions, for private memory: 32 bytes at a time with ldm and stm where both ends are aligned, whole
 * words otherwise. Where the core reads and writes unaligned words with ldr and str, the compiler makes use of that;
 * ldm, stm, ldrd and strd are for aligned ones on every core.
 *
 * Compiled with -fno-tree-loop-distribute-patterns, so that no loop in here becomes a call of the function it is in.
 */
#include "memory.h"

#include "sanitizer/shadow.h"

#include <stdbool.h>
#include <stdint.h>

#define WORD sizeof(uint32_t)
#define GROUP (8 * WORD)

/* A word at any address. */
struct __attribute__((packed, may_alias)) loose_word {
    uint32_t value;
};

static bool aligned(const void *address)
{
    return (uintptr_t)address % WORD == 0;
}

#if !defined(__ARM_ARCH_6M__)

/* Copies `groups` (at least one) groups of 32 bytes upwards and moves both pointers behind them. */
static inline void copy_groups(uint8_t **destination, const uint8_t **source, size_t groups)
{
    uint8_t *to = *destination;
    const uint8_t *from = *source;
    __asm__ volatile("1: ldmia %[from]!, {r3, r4, r5, r6, r8, r9, r10, r12}\n"
                     "   stmia %[to]!, {r3, r4, r5, r6, r8, r9, r10, r12}\n"
                     "   subs %[groups], #1\n"
                     "   bne 1b\n"
                     : [to] "+r"(to), [from] "+r"(from), [groups] "+r"(groups)
                     :
                     : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "cc", "memory");
    *destination = to;
    *source = from;
}

/* Stores `groups` (at least one) groups of eight times `word` and moves the pointer behind them. */
static inline void fill_groups(uint8_t **destination, uint32_t word, size_t groups)
{
    uint8_t *to = *destination;
    __asm__ volatile("   mov r3, %[word]\n"
                     "   mov r4, r3\n"
                     "   mov r5, r3\n"
                     "   mov r6, r3\n"
                     "   mov r8, r3\n"
                     "   mov r9, r3\n"
                     "   mov r10, r3\n"
                     "   mov r12, r3\n"
                     "1: stmia %[to]!, {r3, r4, r5, r6, r8, r9, r10, r12}\n"
                     "   subs %[groups], #1\n"
                     "   bne 1b\n"
                     : [to] "+r"(to), [groups] "+r"(groups)
                     : [word] "r"(word)
                     : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r12", "cc", "memory");
    *destination = to;
}

#else

/* The same on ARMv6-M, whose ldm and stm take low registers alone: what the compiler makes of aligned words. */
typedef uint32_t __attribute__((may_alias)) any_word;

static inline void copy_groups(uint8_t **destination, const uint8_t **source, size_t groups)
{
    any_word *to = (any_word *)(void *)*destination;
    const any_word *from = (const any_word *)(const void *)*source;
    for (; groups > 0; groups--, to += GROUP / WORD, from += GROUP / WORD) {
        for (unsigned i = 0; i < GROUP / WORD; i++)
            to[i] = from[i];
    }
    *destination = (uint8_t *)to;
    *source = (const uint8_t *)from;
}

static inline void fill_groups(uint8_t **destination, uint32_t word, size_t groups)
{
    any_word *to = (any_word *)(void *)*destination;
    for (; groups > 0; groups--, to += GROUP / WORD) {
        for (unsigned i = 0; i < GROUP / WORD; i++)
            to[i] = word;
    }
    *destination = (uint8_t *)to;
}

#endif

/* Copies upwards; right for any two areas of which the destination does not begin inside the source. */
static inline void copy_up(uint8_t *to, const uint8_t *from, size_t size)
{
    while (size > 0 && !aligned(to)) {
        *to++ = *from++;
        size--;
    }
    if (size >= GROUP && aligned(from)) {
        copy_groups(&to, &from, size / GROUP);
        size %= GROUP;
    }
    for (; size >= WORD; size -= WORD, to += WORD, from += WORD)
        ((struct loose_word *)(void *)to)->value = ((const struct loose_word *)(const void *)from)->value;
    while (size-- > 0)
        *to++ = *from++;
}

/* Copies downwards from the ends `to` and `from`. */
static inline void copy_down(uint8_t *to, const uint8_t *from, size_t size)
{
    while (size > 0 && !aligned(to)) {
        *--to = *--from;
        size--;
    }
    for (; size >= WORD; size -= WORD) {
        to -= WORD;
        from -= WORD;
        ((struct loose_word *)(void *)to)->value = ((const struct loose_word *)(const void *)from)->value;
    }
    while (size-- > 0)
        *--to = *--from;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t size)
{
    shadow_check_read(source, size);
    shadow_check_write(destination, size);
    copy_up(destination, source, size);
    return destination;
}

void *memmove(void *destination, const void *source, size_t size)
{
    shadow_check_read(source, size);
    shadow_check_write(destination, size);
    /* The difference of the addresses wraps to a large one where the destination lies below the source. */
    if ((uintptr_t)destination - (uintptr_t)source >= size)
        copy_up(destination, source, size);
    else
        copy_down((uint8_t *)destination + size, (const uint8_t *)source + size, size);
    return destination;
}

void *memset(void *destination, int value, size_t size)
{
    uint8_t *to = destination;
    shadow_check_write(destination, size);
    const uint8_t byte = (uint8_t)value;
    const uint32_t word = byte * UINT32_C(0x01010101);
    while (size > 0 && !aligned(to)) {
        *to++ = byte;
        size--;
    }
    if (size >= GROUP) {
        fill_groups(&to, word, size / GROUP);
        size %= GROUP;
    }
    for (; size >= WORD; size -= WORD, to += WORD)
        ((struct loose_word *)(void *)to)->value = word;
    while (size-- > 0)
        *to++ = byte;
    return destination;
}

int memcmp(const void *left, const void *right, size_t size)
{
    const uint8_t *a = left;
    const uint8_t *b = right;
    shadow_check_read(left, size);
    shadow_check_read(right, size);
    for (; size >= WORD; size -= WORD, a += WORD, b += WORD) {
        if (((const struct loose_word *)(const void *)a)->value != ((const struct loose_word *)(const void *)b)->value)
            break; /* the bytes below find out which is less */
    }
    for (; size > 0; size--, a++, b++) {
        if (*a != *b)
            return *a < *b ? -1 : 1;
    }
    return 0;
}
