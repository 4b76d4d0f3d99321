/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * One request's payload and its response, in private memory. The payload comes over piece by piece, each byte read from
 * the window once. An operation works in place, or builds its response in a second buffer.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

/* A payload length that has been judged. payload_length_check() is its only constructor. */
struct payload_length {
    uint32_t bytes;
};

/* A part of the message buffer. Those of a request come from message_take() alone. */
struct span {
    uint8_t *data;
    uint32_t length;
};

struct message {
    uint8_t *next;      /* in the buffer: the payload byte that is taken next */
    uint32_t remaining; /* payload bytes that are not taken yet */
    uint32_t fetched;   /* payload bytes that have been copied into the buffer */
    bool in_place;      /* all of them have: an operation may be writing to the buffer */
    uint32_t output;    /* bytes of the second buffer that an operation may be writing to */
    struct span response;
};

/*
 * A response may be longer than its request: an operation may write this many bytes directly before the payload's
 * first byte, and as many behind its last one.
 */
#define MESSAGE_MARGIN 16u

/* What the second buffer holds: the longest response that is not about as long as its request. */
#define MESSAGE_OUTPUT_MAX MLDSA_87_SIGNATURE_SIZE

/* Judges a length that the client claims. False: it is over IPC_MAX_PAYLOAD. */
__attribute__((warn_unused_result)) static inline bool payload_length_check(uint32_t claimed,
                                                                            struct payload_length *length)
{
    length->bytes = claimed;
    return claimed <= IPC_MAX_PAYLOAD;
}

/* Begins with an empty payload and an empty response. */
void message_begin(struct message *message);

/* Says how long the payload is; nothing of it is copied yet. Follows message_begin(). */
static inline void message_set_length(struct message *message, struct payload_length length)
{
    message->remaining = length.bytes;
}

/* Takes the next `length` bytes of the payload, without copying them. False: fewer remain. */
__attribute__((warn_unused_result)) static inline bool message_take(struct message *message, uint32_t length,
                                                                    struct span *span)
{
    if (length > message->remaining)
        return false;
    *span = (struct span){.data = message->next, .length = length};
    message->next += length;
    message->remaining -= length;
    return true;
}

/* Copies what has been taken so far, so that it can be read. */
void message_fetch_taken(struct message *message);

/* Copies the rest of the payload, for an operation that works in place. */
void message_fetch(struct message *message);

/* The second buffer, to write a response of at most `length` bytes to. */
uint8_t *message_output(struct message *message, uint32_t length);

/* Sets the response: `length` bytes at `data`, inside the payload and its margins, or in the second buffer. */
void message_respond(struct message *message, uint8_t *data, uint32_t length);

/* Wipes what the request and its response have left in the buffers; the message ends with it. */
void message_wipe(const struct message *message);

/* Integers of a span, at any alignment. */
static inline uint16_t load_u16(const uint8_t bytes[2])
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t load_u32(const uint8_t bytes[4])
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

#endif
