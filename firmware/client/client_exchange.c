/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "client/client_exchange.h"

#include "client/client_response.h"
#include "platform/shared.h"

struct client_request client_request_begin(const struct client *client)
{
    return (struct client_request){.area = client->transport->request, .size = IPC_AREA_SIZE};
}

/* Sends the request until the answer is another one than RATE_LIMITED, or the tries are used up (CLI-1). */
__attribute__((warn_unused_result)) static enum client_result send(struct client *client,
                                                                   struct client_response *response)
{
    const struct client_transport *const transport = client->transport;
    uint32_t pause = CLIENT_FIRST_WAIT_US;

    for (unsigned tries = 1;; tries++) {
        if (!transport->exchange(transport->context))
            return CLIENT_NO_ANSWER;
        if (!client_response_begin(response, transport->response, IPC_AREA_SIZE))
            return CLIENT_MALFORMED;
        client->status = response->status;
        if (response->status == STATUS_SUCCESS)
            return CLIENT_OK;
        if (response->status != STATUS_RATE_LIMITED || tries == CLIENT_TRIES)
            return CLIENT_REFUSED;
        transport->wait(transport->context, pause);
        pause *= 2;
    }
}

static bool expected(const struct client_lengths *lengths, uint32_t length)
{
    for (uint32_t i = 0; i < lengths->count; i++) {
        if (lengths->bytes[i] == length)
            return true;
    }
    return false;
}

/* Copies the whole payload. Every length has been judged by then, so that the parts are written all or not at all. */
__attribute__((warn_unused_result)) static enum client_result receive(struct client_response *response,
                                                                      const struct client_lengths *lengths,
                                                                      struct client_buffer *parts, size_t count)
{
    size_t room = 0;

    if (!expected(lengths, response->length))
        return CLIENT_MALFORMED;
    for (size_t i = 0; i < count && room < response->length; i++)
        room += parts[i].size;
    if (room < response->length)
        return CLIENT_NO_ROOM;
    for (size_t i = 0; i < count; i++) {
        const size_t length = parts[i].size < response->remaining ? parts[i].size : response->remaining;
        if (!client_response_take(response, parts[i].data, length))
            return CLIENT_MALFORMED;
        parts[i].length = length;
    }
    return CLIENT_OK;
}

enum client_result client_exchange(struct client *client, const struct client_request *request,
                                   struct client_buffer *parts, size_t count)
{
    struct client_response response;

    for (size_t i = 0; i < count; i++)
        parts[i].length = 0;
    enum client_result result = send(client, &response);
    /* Without a sound header nothing says how much of the area has been written. */
    const size_t written = result == CLIENT_OK || result == CLIENT_REFUSED ? response.length : IPC_MAX_PAYLOAD;
    if (result == CLIENT_OK)
        result = receive(&response, &request->answer, parts, count);
    shared_zero(client->transport->request, request->length);
    shared_zero(client->transport->response, IPC_HEADER_SIZE + written);
    return result;
}
