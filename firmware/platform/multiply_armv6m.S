/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * uint64_t __aeabi_lmul(uint64_t, uint64_t) for ARMv6-M (run-time ABI for the Arm architecture, section 4.2), which has no
 * instruction for a product of 64 bits. libgcc's version branches on a carry between partial products, so that the time
 * of a multiplication would depend on secret coefficients (SEC-2); this one has no branch.
 */
#if defined(__ARM_ARCH_6M__)

    .syntax unified

    .section .text.__aeabi_lmul, "ax", %progbits
    .global __aeabi_lmul
    .type __aeabi_lmul, %function
    .thumb_func
__aeabi_lmul:
    .cfi_sections .debug_frame
    .cfi_startproc
    push {r4-r6, lr}
    .cfi_def_cfa_offset 16
    .cfi_offset r4, -16
    .cfi_offset r5, -12
    .cfi_offset r6, -8
    .cfi_offset lr, -4
    /* What the upper words contribute goes into the result's upper word alone. */
    muls r1, r2
    muls r3, r0
    adds r1, r3
    /* The lower words, a and b, by halves: r3 low a, r4 high a, r5 low b, r6 high b. */
    uxth r3, r0
    lsrs r4, r0, #16
    uxth r5, r2
    lsrs r6, r2, #16
    mov r0, r3
    muls r0, r5
    muls r3, r6
    muls r5, r4
    muls r4, r6
    adds r1, r4
    adds r3, r5 /* the middle, whose carry is worth 2^48 */
    movs r5, #0
    adcs r5, r5
    lsls r5, r5, #16
    adds r1, r5
    lsls r5, r3, #16
    lsrs r3, r3, #16
    adds r0, r5
    adcs r1, r3
    pop {r4-r6, pc}
    .cfi_endproc
    .size __aeabi_lmul, . - __aeabi_lmul

#endif
