/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEAD_STACK_H
#define DEAD_STACK_H

/*
 * Overwrites the whole stack below the caller's frame, and the registers and flags that a call may leave values in
 * (SEC-1). What the caller itself and its callers hold in their frames and in r4 to r11 stays.
 */
void wipe_dead_stack(void);

#endif
