/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The key storage dataspace: read-only to the service, rewritten by the key manager at any moment. */
#ifndef KEY_STORAGE_H
#define KEY_STORAGE_H

#include <stddef.h>
#include <stdint.h>

/* Copies `size` bytes from `offset`, each read exactly once. The caller stays within KEY_STORAGE_SIZE. */
void key_storage_fetch(void *destination, uint32_t offset, size_t size);

#endif
