/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/message.h"

#include "crypto/wipe.h"
#include "platform/sections.h"
#include "platform/window.h"

#include <stddef.h>

#define WINDOW_REQUEST_PAYLOAD (WINDOW_REQUEST + IPC_HEADER_SIZE)

/* A payload byte has the same alignment in the buffer as in the window, so that both are copied by aligned words. */
#define ALIGNMENT 8
_Static_assert(WINDOW_REQUEST_PAYLOAD % ALIGNMENT == 0 && MESSAGE_MARGIN % ALIGNMENT == 0, "same alignment");

IN_BULK _Alignas(ALIGNMENT) static uint8_t message_buffer[MESSAGE_MARGIN + IPC_MAX_PAYLOAD + MESSAGE_MARGIN];

IN_BULK _Alignas(ALIGNMENT) static uint8_t output_buffer[MESSAGE_OUTPUT_MAX];

static uint8_t *const payload = message_buffer + MESSAGE_MARGIN;

void message_begin(struct message *message)
{
    *message = (struct message){.next = payload};
}

/* Extends the copy to the payload's first `end` bytes; what has been copied before is not read again. */
static void fetch_up_to(struct message *message, uint32_t end)
{
    const uint32_t fetched = message->fetched;

    window_fetch(payload + fetched, WINDOW_REQUEST_PAYLOAD + fetched, end - fetched);
    message->fetched = end;
}

void message_fetch_taken(struct message *message)
{
    fetch_up_to(message, (uint32_t)(message->next - payload));
}

void message_fetch(struct message *message)
{
    fetch_up_to(message, (uint32_t)(message->next - payload) + message->remaining);
    message->in_place = true;
}

uint8_t *message_output(struct message *message, uint32_t length)
{
    message->output = length;
    return output_buffer;
}

void message_respond(struct message *message, uint8_t *data, uint32_t length)
{
    message->response = (struct span){.data = data, .length = length};
}

void message_wipe(const struct message *message)
{
    if (message->in_place)
        wipe(message_buffer, MESSAGE_MARGIN + message->fetched + MESSAGE_MARGIN);
    else if (message->fetched > 0)
        wipe(payload, message->fetched);
    if (message->output > 0)
        wipe(output_buffer, message->output);
}
