/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Board an386, what the gateway task has besides the kernel page and the window of platform.h. */
#ifndef PLATFORM_GATEWAY_H
#define PLATFORM_GATEWAY_H

#define PLATFORM_UTCB 0x21840000u
#define PLATFORM_HOST_PORT 0x21850000u
#define PLATFORM_HOST_PORT_SIZE 0x00021000u

#endif
