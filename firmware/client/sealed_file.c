/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "client/sealed_file.h"

#include "crypto/little_endian.h"
#include "memory.h"

#define DIGITS_MAX 10u /* of a u32 */

_Static_assert(sizeof "chunk:" - 1 + DIGITS_MAX <= SEALED_AAD_MAX, "room for the longest text");

void sealed_header_store(uint8_t header[SEALED_HEADER_SIZE], uint32_t key_id)
{
    store32_le(header, SEALED_MAGIC);
    store32_le(header + 4, SEALED_VERSION); /* and the reserved zeros */
    store32_le(header + 8, key_id);
}

bool sealed_header_load(const uint8_t header[SEALED_HEADER_SIZE], uint32_t *key_id)
{
    *key_id = load32_le(header + 8);
    return load32_le(header) == SEALED_MAGIC && load32_le(header + 4) == SEALED_VERSION;
}

void sealed_head_store(uint8_t head[SEALED_HEAD_SIZE], uint32_t length, const uint8_t nonce[GCM_NONCE_SIZE],
                       const uint8_t tag[GCM_TAG_SIZE])
{
    store32_le(head, length);
    memcpy(head + 4, nonce, GCM_NONCE_SIZE);
    memcpy(head + 4 + GCM_NONCE_SIZE, tag, GCM_TAG_SIZE);
}

/* The label, and the number in decimal without leading zeros. */
static struct sealed_aad numbered(const char *label, uint32_t number)
{
    struct sealed_aad aad = {.length = 0};
    uint8_t digits[DIGITS_MAX];
    size_t count = 0;

    for (; *label != '\0'; label++)
        aad.text[aad.length++] = (uint8_t)*label;
    do {
        digits[count++] = (uint8_t)('0' + number % 10u);
        number /= 10u;
    } while (number > 0);
    while (count > 0)
        aad.text[aad.length++] = digits[--count];
    return aad;
}

struct sealed_aad sealed_chunk_aad(uint32_t index)
{
    return numbered("chunk:", index);
}

struct sealed_aad sealed_end_aad(uint32_t chunks)
{
    return numbered("end:", chunks);
}
