// SPDX-License-Identifier: MIT OR Apache-2.0
#include "wipe.h"

#include <stdint.h>

// The words of any object, whatever type it was declared with.
typedef uint32_t __attribute__((may_alias)) any_word;

void wipe(void *p, size_t n)
{
    volatile uint8_t *byte = p;

    while (n > 0 && ((uintptr_t)byte & (sizeof(any_word) - 1)) != 0) {
        *byte++ = 0;
        n--;
    }

    volatile any_word *word = (volatile any_word *)(volatile void *)byte;
    for (; n >= 4 * sizeof(any_word); n -= 4 * sizeof(any_word)) {
        word[0] = 0;
        word[1] = 0;
        word[2] = 0;
        word[3] = 0;
        word += 4;
    }
    for (; n >= sizeof(any_word); n -= sizeof(any_word)) {
        *word++ = 0;
    }

    byte = (volatile uint8_t *)word;
    while (n > 0) {
        *byte++ = 0;
        n--;
    }
}
