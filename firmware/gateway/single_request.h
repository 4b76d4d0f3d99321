/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SINGLE_REQUEST_H
#define SINGLE_REQUEST_H

#include "client/client.h"

#include <stdint.h>

/*
 * One request of any type. Input and output are laid out as the payloads of request and response are in the table of
 * operations. CLIENT_BAD_ARGUMENT: there is no such type, or the input is no payload of it.
 */
__attribute__((warn_unused_result)) enum client_result
single_request(struct client *client, uint32_t type, struct client_bytes input, struct client_buffer *output);

#endif
