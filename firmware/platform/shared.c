/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The volatile side is accessed by aligned words, which the compiler neither splits nor repeats, and by single bytes
 * at the ends. No ldm: an interrupted one may start again and so read a word twice.
 */
#include "platform/shared.h"

#include <stdint.h>

#define WORD sizeof(uint32_t)

/* A word of private memory, at any address. */
struct __attribute__((packed, may_alias)) loose_word {
    uint32_t value;
};

/* Bytes in front of the first aligned word, at most `size`. */
static size_t bytes_to_alignment(const volatile void *address, size_t size)
{
    const size_t head = -(uintptr_t)address % WORD;
    return head < size ? head : size;
}

void shared_fetch(void *destination, const volatile void *shared, size_t size)
{
    struct loose_word *words;
    uint8_t *to = destination;
    const volatile uint8_t *from = shared;
    const size_t head = bytes_to_alignment(shared, size);
    const uint8_t *const words_begin = to + head;

    while (to != words_begin)
        *to++ = *from++;
    size -= head;
    words = (struct loose_word *)(void *)to;
    const volatile uint32_t *from_words = (const volatile uint32_t *)(const volatile void *)from;
    for (; size >= 4 * WORD; size -= 4 * WORD) {
        words[0].value = from_words[0];
        words[1].value = from_words[1];
        words[2].value = from_words[2];
        words[3].value = from_words[3];
        words += 4;
        from_words += 4;
    }
    for (; size >= WORD; size -= WORD)
        (words++)->value = *from_words++;
    to = (uint8_t *)words;
    from = (const volatile uint8_t *)from_words;
    while (size-- > 0)
        *to++ = *from++;
}

void shared_store(volatile void *shared, const void *source, size_t size)
{
    const struct loose_word *words;
    volatile uint8_t *to = shared;
    const uint8_t *from = source;
    const size_t head = bytes_to_alignment(shared, size);
    const uint8_t *const words_begin = from + head;

    while (from != words_begin)
        *to++ = *from++;
    size -= head;
    words = (const struct loose_word *)(const void *)from;
    volatile uint32_t *to_words = (volatile uint32_t *)(volatile void *)to;
    for (; size >= 4 * WORD; size -= 4 * WORD) {
        to_words[0] = words[0].value;
        to_words[1] = words[1].value;
        to_words[2] = words[2].value;
        to_words[3] = words[3].value;
        to_words += 4;
        words += 4;
    }
    for (; size >= WORD; size -= WORD)
        *to_words++ = (words++)->value;
    from = (const uint8_t *)words;
    to = (volatile uint8_t *)to_words;
    while (size-- > 0)
        *to++ = *from++;
}

void shared_zero(volatile void *shared, size_t size)
{
    volatile uint8_t *to = shared;
    const size_t head = bytes_to_alignment(shared, size);

    for (size_t i = 0; i < head; i++)
        *to++ = 0;
    size -= head;
    volatile uint32_t *words = (volatile uint32_t *)(volatile void *)to;
    for (; size >= 4 * WORD; size -= 4 * WORD) {
        words[0] = 0;
        words[1] = 0;
        words[2] = 0;
        words[3] = 0;
        words += 4;
    }
    for (; size >= WORD; size -= WORD)
        *words++ = 0;
    to = (volatile uint8_t *)words;
    while (size-- > 0)
        *to++ = 0;
}
