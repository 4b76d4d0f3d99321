/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The client library's transport to the service: the window, its doorbells and the kernel's clock. */
#ifndef SERVICE_LINK_H
#define SERVICE_LINK_H

#include "client/client.h"

/*
 * How long the gateway waits for one answer, in microseconds. The longest operation, a signature whose rejection loop
 * goes on and on, may take 44 seconds at 25 MHz by the bounds of docs/protocol.md; a service that needs longer has
 * stopped.
 */
#define SERVICE_ANSWER_TIMEOUT_US 60000000u

/* The transport; takes up the doorbell where it stands. */
const struct client_transport *service_link_begin(void);

#endif
