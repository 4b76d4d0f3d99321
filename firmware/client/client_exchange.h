/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One request and its answer: retry while the service is rate limited (CLI-1), and a window left clean (IPC-5). */
#ifndef CLIENT_EXCHANGE_H
#define CLIENT_EXCHANGE_H

#include "client/client.h"
#include "client/client_request.h"

/*
 * A request is sent five times at most. Before each try but the first the client waits: 100 ms, then 200, 400 and
 * 800 ms. A fifth RATE_LIMITED is the answer; nothing would follow another wait.
 */
#define CLIENT_TRIES 5u
#define CLIENT_FIRST_WAIT_US 100000u

/* A request, not built yet, in the transport's request area. */
struct client_request client_request_begin(const struct client *client);

/*
 * Sends a built request, and copies the payload of a successful answer into `parts`, which it fills in order. CLIENT_OK
 * only where the status is SUCCESS and the payload has a length that the request expects. Whatever the result, request
 * and response are zero in the window afterwards, and nothing has been written to `parts` unless it is CLIENT_OK.
 */
__attribute__((warn_unused_result)) enum client_result
client_exchange(struct client *client, const struct client_request *request, struct client_buffer *parts, size_t count);

#endif
