/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "platform/key_storage.h"

#include "platform.h"
#include "platform/shared.h"
#include "protocol.h"

_Static_assert(KEY_STORAGE_SIZE <= PLATFORM_KEY_STORAGE_SIZE, "the board has room for the key storage");

void key_storage_fetch(void *destination, uint32_t offset, size_t size)
{
    shared_fetch(destination, (const volatile uint8_t *)(uintptr_t)(PLATFORM_KEY_STORAGE + offset), size);
}
