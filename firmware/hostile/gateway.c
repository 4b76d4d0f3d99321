/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A gateway that has been taken over: it attacks when it is told to, and asks the service for nothing. */
#include "hostile/attack.h"

int main(void)
{
    for (;;) {
        __asm__ volatile("dsb\n"
                         "wfi" ::
                             : "memory");
        attack_on_order();
    }
}
