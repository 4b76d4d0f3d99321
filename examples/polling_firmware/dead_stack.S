/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* wipe_dead_stack() of platform/dead_stack.h, word by word, with the names of this firmware's linker script. */
    .syntax unified
    .thumb

    .section .text.wipe_dead_stack, "ax", %progbits
    .global wipe_dead_stack
    .type wipe_dead_stack, %function
    .thumb_func
wipe_dead_stack:
    ldr r0, =stack_low
    mov r2, sp
    movs r1, #0
1:  cmp r0, r2
    bhs 2f
    str r1, [r0], #4
    b 1b
2:  movs r0, #0
    mov r2, r0
    mov r3, r0
    mov r12, r0
    msr APSR_nzcvq, r0
    bx lr
    .size wipe_dead_stack, . - wipe_dead_stack
