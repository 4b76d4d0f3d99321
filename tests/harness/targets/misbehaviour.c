/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Planted in front of a function of the service by the tests of the native target: defects, one for each length of the
 * plaintext. Names begin with "planted", so that nothing of the service is meant by accident.
 */
#include <stdlib.h>
#include <unistd.h>

enum planted {
    PLANTED_NULL = 1,
    PLANTED_LOOP,
    PLANTED_EXIT,
    PLANTED_ABORT,
    PLANTED_WAIT,
    PLANTED_OVERFLOW,
    PLANTED_SHIFT,
    PLANTED_BRANCH,
    PLANTED_LEAK,
};

static uint8_t planted_table[16];
static volatile uint32_t planted_sink;

__attribute__((noinline)) static uint8_t planted_unset(void)
{
    uint8_t bytes[64];
    uint8_t *volatile begin = bytes;

    return begin[8];
}

__attribute__((noinline)) static void planted_misbehave(uint32_t kind, uint8_t *text)
{
    uint8_t *volatile table = planted_table;
    volatile uint32_t shift = 32;
    volatile uintptr_t null = 16;

    switch (kind) {
    case PLANTED_NULL:
        *(volatile uint32_t *)null = 1;
        break;
    case PLANTED_LOOP:
        for (;;)
            planted_sink++;
    case PLANTED_EXIT:
        _exit(3);
    case PLANTED_ABORT:
        abort();
    case PLANTED_WAIT:
        for (;;)
            pause();
    case PLANTED_OVERFLOW:
        planted_sink = table[sizeof planted_table];
        break;
    case PLANTED_SHIFT:
        planted_sink = 1u << shift;
        break;
    case PLANTED_BRANCH:
        if (planted_unset() > 100)
            planted_sink++;
        break;
    case PLANTED_LEAK:
        text[0] = planted_unset();
        break;
    default:
        break;
    }
}
