/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/*
 * Keccak-f[1600] (FIPS 202, section 3) for ARMv7-M and ARMv8-M Mainline: void keccak_f1600(struct keccak_state *state).
 *
 * A lane is two words, its even and its odd bits, so that a 64-bit rotation is two 32-bit rotations, and those cost
 * nothing as shifted second operands. Three ideas save instructions over a straightforward version:
 *
 * 1. No rotation is ever carried out on its own. A lane is stored rotated by a constant, PENDING(x, y), and whoever
 *    reads it rotates by the difference. Which operand of an exclusive or keeps its rotation is chosen so that the
 *    pending rotations after a round equal those before it: one round body serves all rounds. They are applied when the
 *    state is copied in and removed when it is copied out.
 * 2. Rounds go back and forth between two copies of the state, so that a finished plane leaves by one STM. The lanes of
 *    row y are kept in the order x = 1 - 3y, 2 - 3y, ... (mod 5), which is the order in which pi delivers them.
 * 3. Row 2 is finished last: its lanes are in registers already when the next theta sums up the columns.
 *
 * Registers: r0 to r9 hold five lanes (column parities, theta effects, or the plane in work), r10 to r12 are
 * temporary, lr walks over the state. The assembler does all the bookkeeping; what it expands has no branch but the
 * loop over pairs of rounds, and no address depends on data. Stack: 488 bytes, wiped before return.
 */

#if (defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__) || defined(__ARM_ARCH_8M_MAIN__)) && !defined(KECCAK_PORTABLE)

    .syntax unified
    .thumb
    .altmacro
    .cfi_sections .debug_frame

/* The stack frame: theta effects, two copies of the state, the address of the next round constant. */
#define FRAME_D 0
#define FRAME_A 40
#define FRAME_B 240
#define FRAME_CONSTANT 440
#define FRAME_SIZE 448

#define LANE(x, y) ((x) % 5 + 5 * ((y) % 5))

/* Rows lie in memory in the order 2, 4, 3, 1, 0: row 2 first, the others so that writing downwards ends there. */
#define ROW_OFFSET(y) (-40 * (((y) == 4) + 2 * ((y) == 3) + 3 * ((y) == 1) + 4 * ((y) == 0))) /* true is -1 here */
#define LANE_OFFSET(x, y) (ROW_OFFSET(y) + 8 * (((x) + 3 * (y) + 4) % 5))

/* Rotation offsets of rho (FIPS 202, table 2), by LANE(x, y). */
    .macro define_rho index, offset, rest:vararg
    .set rho_\index, \offset
    .ifnb \rest
    define_rho %(\index + 1), \rest
    .endif
    .endm
    define_rho 0, 0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14

/*
 * Pending rotations of the theta effects D[0] to D[4]. Theta adds D[x] to lane (x, y) in the rotation of D[x], and chi
 * keeps the rotation of its first operand, so that these five numbers determine those of all 25 lanes. With each column
 * parity C[x] in the rotation of lane (x, 2), or of lane (0, 1) for C[0], and with D[1] in that of C[0] and all others
 * in that of C[x + 1], the five come out of a round as they went into it; theta_effect checks that.
 */
    .set effect_0, 0
    .set effect_1, 47
    .set effect_2, 57
    .set effect_3, 19
    .set effect_4, 48

/* pending_n of lane n = LANE(x, y): pi brings lane (x + 3y, x) to (x, y). */
    .macro define_pending lane, source, column
    .set pending_\lane, (effect_\column + rho_\source) & 63
    .endm
    .set counter, 0
    .rept 25
    .set source, counter % 5 + 3 * (counter / 5)
    define_pending %(counter), %(LANE(source, counter % 5)), %(source % 5)
    .set counter, counter + 1
    .endr

/*
 * The word of half `half` (0 even, 1 odd) of a lane rotated left by `turn` bits comes from half `half` of the lane
 * where `turn` is even and from the other one where it is odd; it is that word rotated right by RIGHT(turn, half).
 */
#define RIGHT(turn, half) (-((((turn) & 63) + 1 - (half)) >> 1) & 31)

    .macro eor_word to, first, second, right
    eor r\to, r\first, r\second, ror #\right
    .endm

    .macro bic_word to, first, second, right
    bic r\to, r\first, r\second, ror #\right
    .endm

    .macro ror_word to, from, right
    .if \right
    ror r\to, r\from, #\right
    .else
    mov r\to, r\from
    .endif
    .endm

/* Lane `to` = lane `first` ^ (lane `second` rotated left by `turn`); a lane is named by its even word's register. */
    .macro eor_lane to, first, second, turn
    .if ((\turn) & 1) == 0
    eor_word \to, \first, \second, %(RIGHT(\turn, 0))
    eor_word %(\to + 1), %(\first + 1), %(\second + 1), %(RIGHT(\turn, 1))
    .elseif \to != \second
    eor_word \to, \first, %(\second + 1), %(RIGHT(\turn, 0))
    eor_word %(\to + 1), %(\first + 1), \second, %(RIGHT(\turn, 1))
    .else
    mov r12, r\second
    eor_word \to, \first, %(\second + 1), %(RIGHT(\turn, 0))
    eor_word %(\to + 1), %(\first + 1), 12, %(RIGHT(\turn, 1))
    .endif
    .endm

/* Adds word `number` of rows 4, 3, 1 and 0, which is in r`from`, to its column parity. */
    .macro add_to_column number, from
    .set row, 4 - \number / 10 + ((\number / 10) >= 2)
    .set column, (\number % 10 / 2 + 1 + 2 * row) % 5
    .if column == 0 && row == 1
    .if \number % 2 == 0
    change_column_zero \from, %(LANE(0, 1))
    .endif
    .else
    add_word_to_column \number, \from, %(column), %(LANE(column, row))
    .endif
    .endm

    .macro add_word_to_column number, from, column, lane
    .set turn, pending_\lane - parity_\column
    .set half, (\number + turn) & 1
    eor_word %(2 * \column + half), %(2 * \column + half), \from, %(RIGHT(turn, half))
    .endm

/* The one column parity that takes over the rotation of the lane that is added to it. */
    .macro change_column_zero from, lane
    .set turn, parity_0 - pending_\lane
    .if (turn & 1) == 0
    .error "the rotations of C[0] and lane (0, 1) differ by an odd number"
    .endif
    eor_word \from, \from, 1, %(RIGHT(turn, 0))
    eor_word 1, %(\from + 1), 0, %(RIGHT(turn, 1))
    mov r0, r\from
    .set parity_0, pending_\lane
    .endm

    .macro begin_columns column, lane
    .set parity_\column, pending_\lane
    .endm

/* D[x] = C[x - 1] ^ rotl(C[x + 1], 1), in the rotation of either; C[x] is in r(2x), r(2x + 1). */
    .macro theta_effect to, x, left, right
    .if effect_\x == parity_\left
    eor_lane \to, %(2 * \left), %(2 * \right), %((parity_\right + 1 - effect_\x) & 63)
    .elseif effect_\x == (parity_\right + 1) & 63
    eor_lane \to, %(2 * \right), %(2 * \left), %((parity_\left - effect_\x) & 63)
    .else
    .error "the pending rotations are no fixed point"
    .endif
    .endm

/* FIPS 202, algorithm 1. Before: row 2 in r0 to r9, lr = from + 40. After: D in the frame, lr = to + 200. */
    .macro theta from, to
    .set counter, 0
    .rept 5
    begin_columns %(counter), %(LANE(counter, 2))
    .set counter, counter + 1
    .endr
    .set counter, 0
    .rept 12
    ldmia lr!, {r10, r11, r12}
    add_to_column %(counter), 10
    add_to_column %(counter + 1), 11
    add_to_column %(counter + 2), 12
    .set counter, counter + 3
    .endr
    ldrd r10, r11, [lr], #8
    add_to_column 36, 10
    add_to_column 37, 11
    ldrd r10, r11, [lr], #(\to - \from + 8)
    add_to_column 38, 10
    add_to_column 39, 11
    theta_effect 10, 0, 4, 1
    theta_effect 2, 2, 1, 3
    theta_effect 6, 4, 3, 0
    theta_effect 0, 1, 0, 2
    theta_effect 4, 3, 2, 4
    stmia sp, {r0-r7, r10, r11}
    .endm

/* Lane (x, y) goes to its slot of the plane in work, where D[x] is already: theta, and rho as a pending rotation. */
    .macro load_words first, second, offset
    ldrd r\first, r\second, [sp, #\offset]
    .endm

    .macro add_effect register, temporary, x, lane
    eor_lane \register, \register, \temporary, %((pending_\lane - effect_\x) & 63)
    .endm

/* The pending rotation of slot `slot` from now on is that of the lane that it becomes. */
    .macro begin_slot slot, register, lane
    .set turn_\slot, pending_\lane
    .set slot_\slot, \register
    .endm

    .macro plane_lane from, y, slot, register, temporary
    .set column, (\slot + 1) % 5
    .set row, (column + 2 * \y) % 5
    load_words \temporary, %(\temporary + 1), %(\from + LANE_OFFSET(column, row))
    add_effect \register, \temporary, %(column), %(LANE(column, row))
    begin_slot \slot, \register, %(LANE(row, \y))
    .endm

/* word_n: the register of slot n that half `half` of slot 0 is combined with; half_n: which half of its lane it is. */
    .macro choose_word slot, half
    .set half_\slot, (\half + turn_\slot - turn_0) & 1
    .set word_\slot, slot_\slot + half_\slot
    .endm

/* r`to` = ~next & after, in the rotation of slot `after`. */
    .macro chi_product to, next, after
    bic_word \to, %(word_\after), %(word_\next), %(RIGHT(turn_\next - turn_\after, half_\after))
    .endm

/* Adds such a product to slot `slot`. */
    .macro chi_add slot, product, after
    eor_word %(word_\slot), %(word_\slot), \product, %(RIGHT(turn_\after - turn_\slot, half_\slot))
    .endm

/* FIPS 202, algorithm 4, for one half of a plane. Slots are neighbours as columns are, the same for all planes. */
    .macro chi half, one, two, three
    .set counter, 0
    .rept 5
    choose_word %(counter), \half
    .set counter, counter + 1
    .endr
    chi_product \one, 0, 1
    chi_product \two, 4, 0
    chi_product \three, 1, 2
    chi_add 0, \three, 2
    chi_product \three, 2, 3
    chi_add 1, \three, 3
    chi_product \three, 3, 4
    chi_add 2, \three, 4
    chi_add 3, \two, 0
    chi_add 4, \one, 1
    .endm

/* One row of the new state: theta, rho, pi, chi. The last slot is in r`last`; r`one`, r`one + 1`, r`two` are free. */
    .macro plane from, y, last, one, two
    plane_lane \from, \y, 0, 0, \one
    plane_lane \from, \y, 1, 2, \one
    plane_lane \from, \y, 2, 4, \one
    plane_lane \from, \y, 3, 6, \one
    plane_lane \from, \y, 4, \last, \one
    chi 0, \one, %(\one + 1), \two
    chi 1, \one, %(\one + 1), \two
    .endm

/* FIPS 202, section 3.3. Row 2 is in r0 to r9 before and after; lr moves from `from` + 40 to `to` + 40. */
    .macro round from, to
    theta \from, \to
    plane \from, 0, 10, 8, 12
    ldr r12, [sp, #FRAME_CONSTANT]
    ldrd r8, r9, [r12], #8
    eor r10, r10, r8
    eor r11, r11, r9
    str r12, [sp, #FRAME_CONSTANT]
    tst r12, #255
    stmdb lr!, {r0-r7, r10, r11}
    ldmia sp, {r0-r9}
    plane \from, 1, 8, 10, 12
    stmdb lr!, {r0-r9}
    ldmia sp, {r0-r9}
    plane \from, 3, 8, 10, 12
    stmdb lr!, {r0-r9}
    ldmia sp, {r0-r9}
    plane \from, 4, 8, 10, 12
    stmdb lr!, {r0-r9}
    ldmia sp, {r0-r9}
    plane \from, 2, 8, 10, 12
    stmdb lr, {r0-r9}
    .endm

/* Lane `to` = lane `from` rotated left by `turn`, another pair of registers. */
    .macro rotate_lane to, from, turn
    ror_word \to, %(\from + ((\turn) & 1)), %(RIGHT(\turn, 0))
    ror_word %(\to + 1), %(\from + 1 - ((\turn) & 1)), %(RIGHT(\turn, 1))
    .endm

    .macro copy_lane_in x, lane, offset
    rotate_lane 10, %(2 * \x), %((0 - pending_\lane) & 63)
    strd r10, r11, [sp, #\offset]
    .endm

    .macro copy_lane_out x, lane, offset
    ldrd r10, r11, [sp, #\offset]
    rotate_lane %(2 * \x), 10, %(pending_\lane)
    .endm

    .macro copy_row direction, y
    .set counter, 0
    .rept 5
    copy_lane_\direction %(counter), %(LANE(counter, \y)), %(FRAME_A + LANE_OFFSET(counter, \y))
    .set counter, counter + 1
    .endr
    .endm

    .section .rodata.keccak_constants, "a"
    .balign 256
    .space 64
/* Round constants (FIPS 202, algorithm 5), interleaved; the address behind the last is a multiple of 256. */
round_constants:
    .word 0x00000001, 0x00000000, 0x00000000, 0x00000089, 0x00000000, 0x8000008b, 0x00000000, 0x80008080
    .word 0x00000001, 0x0000008b, 0x00000001, 0x00008000, 0x00000001, 0x80008088, 0x00000001, 0x80000082
    .word 0x00000000, 0x0000000b, 0x00000000, 0x0000000a, 0x00000001, 0x00008082, 0x00000000, 0x00008003
    .word 0x00000001, 0x0000808b, 0x00000001, 0x8000000b, 0x00000001, 0x8000008a, 0x00000001, 0x80000081
    .word 0x00000000, 0x80000081, 0x00000000, 0x80000008, 0x00000000, 0x00000083, 0x00000000, 0x80008003
    .word 0x00000001, 0x80008088, 0x00000000, 0x80000088, 0x00000001, 0x00008000, 0x00000000, 0x80008082

    .section .text.keccak_f1600, "ax"
    .balign 4
    .global keccak_f1600
    .type keccak_f1600, %function
    .thumb_func
keccak_f1600:
    .cfi_startproc
    push {r0, r4-r11, lr}
    .cfi_def_cfa_offset 40
    .cfi_offset r4, -36
    .cfi_offset r5, -32
    .cfi_offset r6, -28
    .cfi_offset r7, -24
    .cfi_offset r8, -20
    .cfi_offset r9, -16
    .cfi_offset r10, -12
    .cfi_offset r11, -8
    .cfi_offset lr, -4
    sub sp, sp, #FRAME_SIZE
    .cfi_def_cfa_offset 40 + FRAME_SIZE
    movw r12, #:lower16:round_constants
    movt r12, #:upper16:round_constants
    str r12, [sp, #FRAME_CONSTANT]
    mov lr, r0
    .irp y, 0, 1, 2, 3, 4
    ldmia lr!, {r0-r9}
    copy_row in, \y
    .endr
    add lr, sp, #FRAME_A
    ldmia lr!, {r0-r9}
1:
    round FRAME_A, FRAME_B
    round FRAME_B, FRAME_A
    bne 1b
    ldr lr, [sp, #FRAME_SIZE]
    .irp y, 0, 1, 2, 3, 4
    copy_row out, \y
    stmia lr!, {r0-r9}
    .endr
    .irp register, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12
    mov r\register, #0
    .endr
    mov lr, sp
    .rept 11
    stmia lr!, {r0-r9}
    .endr
    add sp, sp, #FRAME_SIZE
    .cfi_def_cfa_offset 40
    pop {r0, r4-r11, pc}
    .cfi_endproc
    .size keccak_f1600, . - keccak_f1600

#endif

#if defined(__linux__)
    .section .note.GNU-stack, "", %progbits
#endif
