// SPDX-License-Identifier: MIT OR Apache-2.0
#ifndef CRYPTO_WIPE_H
#define CRYPTO_WIPE_H

#include <stddef.h>

// Overwrites n bytes with zeros; the compiler cannot drop the stores, even where the object dies right after.
void wipe(void *p, size_t n);

#endif
