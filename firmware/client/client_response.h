/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Responses (HDR-2, HDR-3), read out of memory that may change at any moment: each byte is copied once, then judged. */
#ifndef CLIENT_RESPONSE_H
#define CLIENT_RESPONSE_H

#include "client/client.h"

/* A response whose header has been judged, with its payload still in the area. */
struct client_response {
    enum status status;
    uint32_t length;                 /* of the payload; 0 unless the status is SUCCESS */
    uint32_t remaining;              /* payload bytes that have not been taken */
    const volatile uint8_t *payload; /* where the next of them stands */
};

/*
 * Copies the header of the response at `area`, which has `size` bytes, and judges it. False: magic, version or flags
 * are wrong, the status is not in the table, an error carries a payload, or the payload is longer than
 * IPC_MAX_PAYLOAD or ends behind the area.
 */
__attribute__((warn_unused_result)) bool client_response_begin(struct client_response *response,
                                                               const volatile uint8_t *area, size_t size);

/* Copies the next `size` bytes of the payload. False, with nothing copied: fewer remain. */
__attribute__((warn_unused_result)) bool client_response_take(struct client_response *response, uint8_t *destination,
                                                              size_t size);

#endif
