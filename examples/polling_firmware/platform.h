/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the sources of the service ask of a board: here the linker decides where each page lies. */
#ifndef PLATFORM_H
#define PLATFORM_H

#include "protocol.h"

#include <stdint.h>

#define PAGE_SIZE 4096u
#define PLATFORM_KEY_STORAGE_SIZE KEY_STORAGE_SIZE
#define PLATFORM_WINDOW_SIZE WINDOW_SIZE

extern uint8_t system_info[PAGE_SIZE];
extern uint8_t seed_page[PAGE_SIZE];
extern uint8_t key_vault[PLATFORM_KEY_STORAGE_SIZE];
extern uint8_t mailbox[PLATFORM_WINDOW_SIZE];

#define PLATFORM_KERNEL_PAGE ((uintptr_t)system_info)
#define PLATFORM_ENTROPY_PAGE ((uintptr_t)seed_page)
#define PLATFORM_KEY_STORAGE ((uintptr_t)key_vault)
#define PLATFORM_WINDOW ((uintptr_t)mailbox)

#endif
