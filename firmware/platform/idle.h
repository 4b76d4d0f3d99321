/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef IDLE_H
#define IDLE_H

#include <stdint.h>

/* Starts the periodic interrupt that ends a wait for an interrupt on hardware. */
void idle_init(void);

/* Sleeps until request_doorbell holds another value than `answered`, and returns that value. */
uint32_t idle_until_request(uint32_t answered);

#endif
