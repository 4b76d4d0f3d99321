/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The greater-or-equal flags are written only where there are any. */
#if defined(__ARM_FEATURE_DSP)
#define APSR_FLAGS APSR_nzcvqg
#else
#define APSR_FLAGS APSR_nzcvq
#endif

    .syntax unified

    .section .text.wipe_dead_stack, "ax", %progbits
    .global wipe_dead_stack
    .type wipe_dead_stack, %function
#if defined(__thumb__)
    .thumb_func
#endif
wipe_dead_stack:
    .cfi_sections .debug_frame
    .cfi_startproc
#if defined(__ARM_ARCH_6M__)
    /* As below, with what ARMv6-M has: lists of low registers, and no immediate of 32 bits. */
    movs r2, #0
    mov r3, r2
    mov r12, r2
    push {r4-r7}
    .cfi_def_cfa_offset 16
    .cfi_offset r4, -16
    .cfi_offset r5, -12
    .cfi_offset r6, -8
    .cfi_offset r7, -4
    movs r4, #0
    movs r5, #0
    ldr r0, =__stack_bottom
    mov r1, sp
    subs r1, #16
    cmp r0, r1
    bhi 2f
1:  stmia r0!, {r2-r5}
    cmp r0, r1
    bls 1b
2:  adds r1, #16
    b 4f
3:  stmia r0!, {r2}
4:  cmp r0, r1
    blo 3b
    pop {r4-r7}
    .cfi_restore r4
    .cfi_restore r5
    .cfi_restore r6
    .cfi_restore r7
    .cfi_def_cfa_offset 0
    movs r1, #0
    msr APSR_nzcvq, r1
    movs r0, #0
    bx lr
    .ltorg
#else
    /* An interrupt stores r0 to r3 and r12 below the stack pointer: they are clean before the first word is wiped. */
    movs r2, #0
    mov r3, r2
    mov r12, r2
    push {r4-r9}
    .cfi_def_cfa_offset 24
    .cfi_offset r4, -24
    .cfi_offset r5, -20
    .cfi_offset r6, -16
    .cfi_offset r7, -12
    .cfi_offset r8, -8
    .cfi_offset r9, -4
    mov r4, r2
    mov r5, r2
    mov r6, r2
    mov r7, r2
    mov r8, r2
    mov r9, r2
    movw r0, #:lower16:__stack_bottom
    movt r0, #:upper16:__stack_bottom
    sub r1, sp, #32
    cmp r0, r1
    bhi 2f
1:  stmia r0!, {r2-r9}
    cmp r0, r1
    bls 1b
2:  add r1, r1, #32
    b 4f
3:  str r2, [r0], #4
4:  cmp r0, r1
    blo 3b
    pop {r4-r9}
    .cfi_restore r4
    .cfi_restore r5
    .cfi_restore r6
    .cfi_restore r7
    .cfi_restore r8
    .cfi_restore r9
    .cfi_def_cfa_offset 0
    movs r0, #0
    movs r1, #0
    msr APSR_FLAGS, r0
    bx lr
#endif
    .cfi_endproc
    .size wipe_dead_stack, . - wipe_dead_stack
