/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fuzzer's input: a sequence of steps that build requests and send them. Every string of bytes is a script: the
 * first byte of a step, modulo SCRIPT_OPS, says which one it is; what is missing at the end reads as zero; numbers are
 * little-endian. docs/fuzzing.md describes each step, harness/fuzz/script.py reads and writes scripts in Python.
 */
#ifndef EMULATOR_NATIVE_SCRIPT_H
#define EMULATOR_NATIVE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum script_op {
    SCRIPT_BYTES,    /* length u8, bytes: append them to the request that is being built */
    SCRIPT_FILL,     /* length u16, value u8: append so many equal bytes */
    SCRIPT_REPLAY,   /* back u8, from u16, length u16: append a part of an earlier response's payload */
    SCRIPT_FLIP,     /* at u16, mask u8: change bits of what was built */
    SCRIPT_SEND,     /* type u8: put a sound header before it, post it, ring */
    SCRIPT_SEND_RAW, /* post what was built as it is, header and all, and ring */
    SCRIPT_CLAIM,    /* length u32: what the header of the next SEND claims in place of the truth */
    SCRIPT_CLOCK,    /* microseconds i32, shift u8: step the clock by so many times 2^(shift modulo 32) */
    SCRIPT_KEYS,     /* image u8: the key manager writes one of the prepared images */
    SCRIPT_WINDOW,   /* offset u32: write what was built to this place of the window, without a ring */
    SCRIPT_RING,     /* ring without a new request */
    SCRIPT_REPEAT,   /* times u8: post the last request so many times again */
    SCRIPT_RACE,     /* at u16, mask u8: a byte of the next request changes right after it was read */
    SCRIPT_OPS
};

struct script_step {
    enum script_op op;
    uint32_t a; /* the arguments in their order */
    uint32_t b;
    uint32_t c;
    const uint8_t *bytes; /* of SCRIPT_BYTES: a of them */
    size_t begin;         /* of the step in the script, and its end */
    size_t end;
};

/* Widths of the arguments of each step. */
static const uint8_t script_widths[SCRIPT_OPS][3] = {
    [SCRIPT_BYTES] = {1},   [SCRIPT_FILL] = {2, 1},  [SCRIPT_REPLAY] = {1, 2, 2}, [SCRIPT_FLIP] = {2, 1},
    [SCRIPT_SEND] = {1},    [SCRIPT_SEND_RAW] = {0}, [SCRIPT_CLAIM] = {4},        [SCRIPT_CLOCK] = {4, 1},
    [SCRIPT_KEYS] = {1},    [SCRIPT_WINDOW] = {4},   [SCRIPT_RING] = {0},         [SCRIPT_REPEAT] = {1},
    [SCRIPT_RACE] = {2, 1},
};

static inline uint32_t script_number(const uint8_t *script, size_t size, size_t at, size_t width)
{
    uint32_t value = 0;
    for (size_t i = 0; i < width && at + i < size; i++) {
        value |= (uint32_t)script[at + i] << (8 * i);
    }
    return value;
}

/* The step that begins at `at`; false behind the last one. */
static inline bool script_next(const uint8_t *script, size_t size, size_t at, struct script_step *step)
{
    if (at >= size) {
        return false;
    }
    step->begin = at;
    step->op = (enum script_op)(script[at++] % SCRIPT_OPS);
    uint32_t *const arguments[3] = {&step->a, &step->b, &step->c};
    for (int i = 0; i < 3; i++) {
        size_t width = script_widths[step->op][i];
        *arguments[i] = script_number(script, size, at, width);
        at += width;
    }
    at = at > size ? size : at;
    step->bytes = script + at;
    if (step->op == SCRIPT_BYTES) {
        step->a = step->a > size - at ? (uint32_t)(size - at) : step->a;
        at += step->a;
    }
    step->end = at;
    return true;
}

/* A place in something of `length` bytes: from 0x8000 on it counts from the end. At most `length`. */
static inline uint32_t script_place(uint32_t value, uint32_t length)
{
    if (value < 0x8000u) {
        return value > length ? length : value;
    }
    uint32_t from_end = 0x10000u - value;
    return from_end > length ? 0 : length - from_end;
}

#endif
