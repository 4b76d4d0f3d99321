/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/random.h"

#include "crypto/ctr_drbg.h"

static struct ctr_drbg generator;

void random_init(const uint8_t entropy[ENTROPY_SIZE])
{
    ctr_drbg_init(&generator, entropy);
}

bool random_draw(uint8_t *out, size_t size)
{
    return ctr_drbg_generate(&generator, out, size);
}
