/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The four functions that a freestanding compiler may call by itself; C11 7.24 describes them. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t size);
void *memmove(void *destination, const void *source, size_t size);
void *memset(void *destination, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);

#endif
