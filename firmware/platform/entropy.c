/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "platform/entropy.h"

#include "platform.h"
#include "platform/shared.h"

bool entropy_take(uint8_t seed[ENTROPY_SIZE])
{
    volatile void *const page = (volatile void *)(uintptr_t)PLATFORM_ENTROPY_PAGE;
    uint8_t any = 0;

    shared_fetch(seed, page, ENTROPY_SIZE);
    shared_zero(page, ENTROPY_SIZE);
    /* Only whether there is any entropy at all decides a branch; the seed's bytes do not. */
    for (unsigned i = 0; i < ENTROPY_SIZE; i++)
        any |= seed[i];
    return any != 0;
}
