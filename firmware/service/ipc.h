/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef IPC_H
#define IPC_H

#include <stdint.h>

/* Answers the request that the doorbell announced, and leaves no secret of it behind (IPC-3, SEC-1). */
void ipc_serve(uint32_t doorbell);

#endif
