/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What the parts of the client library share: results, byte ranges, the transport, the client itself. The library
 * needs nothing of its surroundings but memcpy: no heap, no C library, no addresses.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The numbers are part of the gateway's host port (docs/protocol.md): they do not change. */
enum client_result {
    CLIENT_OK = 0,
    CLIENT_BAD_ARGUMENT = 1,  /* a length that no request can carry, or a call out of order; nothing was sent */
    CLIENT_NO_ANSWER = 2,     /* the transport says that the service did not answer */
    CLIENT_MALFORMED = 3,     /* what stands in the response area is no answer to this request */
    CLIENT_NO_ROOM = 4,       /* the caller's buffer is smaller than the answer; the answer is lost */
    CLIENT_REFUSED = 5,       /* the service answered with an error: the client's `status` */
    CLIENT_BAD_FORMAT = 6,    /* sealed file: these bytes are no header, or cannot be the next record */
    CLIENT_NOT_AUTHENTIC = 7, /* sealed file: a record's tag does not verify */
    CLIENT_TRUNCATED = 8,     /* sealed file: it ends before its end record */
    CLIENT_TRAILING_DATA = 9, /* sealed file: something follows the end record */
};

/* Bytes to read. `data` may be NULL where `length` is 0. */
struct client_bytes {
    const uint8_t *data;
    size_t length;
};

/* Room to write: `size` bytes at `data`. `length` says how many of them were written; it is 0 after a failure. */
struct client_buffer {
    uint8_t *data;
    size_t size;
    size_t length;
};

/*
 * How requests reach the service. Both areas have IPC_AREA_SIZE bytes; the service, or whoever poses as it, may write
 * the response area at any moment.
 */
struct client_transport {
    void *context;
    volatile uint8_t *request;
    volatile uint8_t *response;
    /* Announces the request and returns when it has been answered. False: there was no answer. */
    bool (*exchange)(void *context);
    /* Returns after `microseconds` at the earliest. */
    void (*wait)(void *context, uint32_t microseconds);
};

struct client {
    const struct client_transport *transport;
    enum status status; /* of the answer before; it means something after CLIENT_OK and CLIENT_REFUSED */
};

#endif
