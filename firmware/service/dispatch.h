/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checks 2 to 9 of a request (VAL-1). */
#ifndef DISPATCH_H
#define DISPATCH_H

#include "service/handlers.h"
#include "status.h"

#include <stdint.h>

/* The private copy of a request's header (HDR-1). */
struct header {
    uint32_t identity; /* magic, version, type and flags, from the lowest byte up */
    uint32_t payload_length;
};

/* Answers the request with this header. The response of a successful one is left in the request's message. */
__attribute__((warn_unused_result)) enum status dispatch(const struct header *header, struct request *request);

#endif
