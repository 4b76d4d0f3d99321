/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The client library's transport to a virtual device of `hil serve` (docs/virtual-device.md): the window is shared
 * memory, a doorbell a message on a Unix socket. For programs of a host with POSIX and SOCK_SEQPACKET.
 */
#ifndef SOCKET_LINK_H
#define SOCKET_LINK_H

#include "client/client.h"

/* How long one answer may take, in seconds: as for the gateway firmware (gateway/service_link.h). */
#define SOCKET_LINK_TIMEOUT_S 60

enum socket_link_result {
    SOCKET_LINK_OK = 0,
    SOCKET_LINK_NO_SERVER = 1, /* nobody listens there, or the path is too long: see errno */
    SOCKET_LINK_BUSY = 2,      /* every device of the server is in use */
    SOCKET_LINK_FAILED = 3,    /* the server could not make a device */
    SOCKET_LINK_MALFORMED = 4, /* whoever listens there is no server of devices */
};

/* An open link; it must not move while it is, as its transport points to it. */
struct socket_link {
    struct client_transport transport;
    uint8_t *window;
    size_t window_size;
    uint32_t rung;
    int socket;
};

/* Connects to the server at `path` and takes the device that it gives. Only after SOCKET_LINK_OK close it. */
__attribute__((warn_unused_result)) enum socket_link_result socket_link_open(struct socket_link *link,
                                                                             const char *path);

/* Hangs up; the device ends. */
void socket_link_close(struct socket_link *link);

#endif
