/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Exception vectors of A profile and the entry (ARMv7-A architecture, B1.8), in ARM state. Interrupts stay masked for
 * good: one that is pending ends a WFI, and is never taken. The other modes have no stack, as nothing runs in them.
 */
    .syntax unified
    .arm

    .section .vectors, "ax", %progbits
    .balign 32 /* VBAR has no lower bits */
    .global vectors
    .type vectors, %object
vectors:
    b entry
    /* A fault stops the service in a loop of its own, so that a debugger sees from the program counter which one. */
    b .     /* undefined instruction */
    b .     /* supervisor call */
    b .     /* prefetch abort */
    b .     /* data abort */
    b .     /* not used */
    b .     /* interrupt */
    b .     /* fast interrupt */
    .size vectors, . - vectors

    .section .text.entry, "ax", %progbits
    .global entry
    .type entry, %function
entry:
    .cfi_sections .debug_frame
    .cfi_startproc
    .cfi_undefined lr
    cpsid aif, #0x13 /* supervisor mode, whatever a boot loader has left */
    ldr r0, =vectors
    mcr p15, 0, r0, c12, c0, 0 /* VBAR */
    ldr sp, =__stack_top
    mov lr, #0 /* nobody called: a debugger's call chain ends here */
    b reset
    .cfi_endproc
    .size entry, . - entry
