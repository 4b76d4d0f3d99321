/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a task does that has been taken over. Orders come from the window, behind the doorbells of the control page,
 * where neither the service nor a client looks. Test images alone are made of this.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <stdint.h>

#define ORDER_DOORBELL 0x100u /* another value than before is a new order */
#define ORDER_ATTACK 0x104u
#define ORDER_ADDRESS 0x108u
#define ORDER_DONE 0x10Cu /* written by the task: the value of the order that it has survived */

enum attack {
    ATTACK_NONE,
    ATTACK_READ,
    ATTACK_WRITE,
    ATTACK_EXECUTE,
    ATTACK_OVERFLOW,
    ATTACK_SPIN,
    ATTACK_UNDEFINED,
};

/* Carries out the order in the window, if there is a new one. What is not refused returns. */
void attack_on_order(void);

#endif
