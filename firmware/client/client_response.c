/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "client/client_response.h"

#include "crypto/little_endian.h"
#include "platform/shared.h"
#include "protocol.h"

#define STATUS_LAST STATUS_PAYLOAD_TOO_LARGE

bool client_response_begin(struct client_response *response, const volatile uint8_t *area, size_t size)
{
    uint8_t header[IPC_HEADER_SIZE];

    if (size < sizeof header)
        return false;
    shared_fetch(header, area, sizeof header);
    const uint32_t length = load32_le(header + 4);
    if (header[0] != RESPONSE_MAGIC || header[1] != PROTOCOL_VERSION || header[2] > STATUS_LAST ||
        header[3] != PROTOCOL_FLAGS)
        return false;
    if (length > IPC_MAX_PAYLOAD || length > size - sizeof header)
        return false;
    if (header[2] != STATUS_SUCCESS && length != 0)
        return false;
    *response = (struct client_response){
        .status = (enum status)header[2],
        .length = length,
        .remaining = length,
        .payload = area + sizeof header,
    };
    return true;
}

bool client_response_take(struct client_response *response, uint8_t *destination, size_t size)
{
    if (size > response->remaining)
        return false;
    if (size > 0)
        shared_fetch(destination, response->payload, size);
    response->payload += size;
    response->remaining -= (uint32_t)size;
    return true;
}
