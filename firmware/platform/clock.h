/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* The kernel info page's clock, in microseconds. It may step back, and the kernel writes it at any moment. */
uint64_t clock_now(void);

#endif
