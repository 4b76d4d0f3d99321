/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * This machine in the place of a board: what is an address there is memory of the library here, which the host that has
 * loaded it reads and writes. Each page is exactly as large as the contract has it, so that a sanitizer sees any access
 * beyond.
 */
#ifndef PLATFORM_H
#define PLATFORM_H

#include "protocol.h"

#include <stdint.h>

#define PLATFORM_KERNEL_PAGE_SIZE (KERNEL_PAGE_CLOCK + 8u)
#define PLATFORM_KEY_STORAGE_SIZE KEY_STORAGE_SIZE
#define PLATFORM_WINDOW_SIZE WINDOW_SIZE

extern uint8_t native_kernel_page[PLATFORM_KERNEL_PAGE_SIZE];
extern uint8_t native_entropy_page[ENTROPY_SIZE];
extern uint8_t native_key_storage[PLATFORM_KEY_STORAGE_SIZE];
extern uint8_t native_window[PLATFORM_WINDOW_SIZE];

#define PLATFORM_KERNEL_PAGE ((uintptr_t)native_kernel_page)
#define PLATFORM_ENTROPY_PAGE ((uintptr_t)native_entropy_page)
#define PLATFORM_KEY_STORAGE ((uintptr_t)native_key_storage)
#define PLATFORM_WINDOW ((uintptr_t)native_window)

#endif
