/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef UART_H
#define UART_H

void uart_init(void);

/* Sends a text. A UART that never gets ready loses bytes; it does not hold the service up. */
void uart_write(const char *text);

#endif
