/* SPDX-License-Identifier: MIT OR Apache-2.0 */
    .syntax unified
    .cpu cortex-m4
    .thumb

    .section .text.wipe_dead_stack, "ax", %progbits
    .global wipe_dead_stack
    .type wipe_dead_stack, %function
    .thumb_func
wipe_dead_stack:
    .cfi_sections .debug_frame
    .cfi_startproc
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
    msr APSR_nzcvqg, r0
    bx lr
    .cfi_endproc
    .size wipe_dead_stack, . - wipe_dead_stack
