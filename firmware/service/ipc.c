/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/ipc.h"

#include "platform/clock.h"
#include "platform/dead_stack.h"
#include "platform/window.h"
#include "protocol.h"
#include "service/dispatch.h"
#include "service/rate_limiter.h"

#define WINDOW_RESPONSE_PAYLOAD (WINDOW_RESPONSE + IPC_HEADER_SIZE)

/* A response's first word but for the status, which is its third byte (HDR-2). */
#define STATUS_SHIFT 16
#define RESPONSE_IDENTITY (PROTOCOL_FLAGS << 24 | PROTOCOL_VERSION << 8 | RESPONSE_MAGIC)

/* Payload bytes of the response that the window holds; the window itself is never asked (IPC-4). */
static uint32_t response_length;

/* Checks 1 to 9. */
static enum status judge(struct request *request)
{
    if (!rate_limiter_admit(clock_now()))
        return STATUS_RATE_LIMITED;
    const struct header header = {
        .identity = window_fetch_word(WINDOW_REQUEST),
        .payload_length = window_fetch_word(WINDOW_REQUEST + 4),
    };
    return dispatch(&header, request);
}

/* Writes payload and header, and zeroes what an earlier, longer response has left behind them (IPC-5). */
static void respond(enum status status, struct span payload)
{
    if (payload.length > 0)
        window_store(WINDOW_RESPONSE_PAYLOAD, payload.data, payload.length);
    if (payload.length < response_length)
        window_zero(WINDOW_RESPONSE_PAYLOAD + payload.length, response_length - payload.length);
    window_store_word(WINDOW_RESPONSE, RESPONSE_IDENTITY | (uint32_t)status << STATUS_SHIFT);
    window_store_word(WINDOW_RESPONSE + 4, payload.length);
    response_length = payload.length;
}

void ipc_serve(uint32_t doorbell)
{
    struct request request;

    message_begin(&request.message);
    request.operated = false;
    const enum status status = judge(&request);
    respond(status, request.message.response);
    message_wipe(&request.message);
    if (request.operated)
        wipe_dead_stack();
    window_answer(doorbell);
}
