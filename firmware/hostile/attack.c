/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "hostile/attack.h"

#include "platform/window.h"

/* Two instructions that do nothing and return, where only data may be: movs r0, r0, or mov r0, r0; bx lr. */
#if defined(__thumb__)
#define STATE_BIT 1u
extern uint16_t payload[2];
uint16_t payload[2] = {0x0000u, 0x4770u};
#else
#define STATE_BIT 0u
extern uint32_t payload[2];
uint32_t payload[2] = {0xE1A00000u, 0xE12FFF1Eu};
#endif

extern const uint32_t constant;
const uint32_t constant = 1;

extern volatile uint32_t loot;
volatile uint32_t loot;

static volatile uint32_t depth_wanted = UINT32_MAX;

/* Larger than any stack before it ends; the frames are written, so that none is optimised away. */
__attribute__((noipa)) static uint32_t overflow_stack(uint32_t depth)
{
    volatile uint32_t frame[64];

    frame[depth % 64u] = depth;
    if (depth == depth_wanted)
        return frame[0];
    return overflow_stack(depth + 1u) + frame[depth % 64u];
}

static void spin(void)
{
    for (;;)
        loot++;
}

static void execute(uint32_t address)
{
    union {
        uintptr_t number;
        void (*function)(void);
    } target = {.number = address | STATE_BIT};

    target.function();
}

__attribute__((noipa)) static void attack(uint32_t what, uint32_t address)
{
    volatile uint32_t *const word = (volatile uint32_t *)(uintptr_t)address;

    switch (what) {
    case ATTACK_READ:
        loot = *word;
        break;
    case ATTACK_WRITE:
        *word = 0xBADu;
        break;
    case ATTACK_EXECUTE:
        execute(address);
        break;
    case ATTACK_OVERFLOW:
        loot = overflow_stack(0);
        break;
    case ATTACK_SPIN:
        spin();
        break;
    case ATTACK_UNDEFINED:
        __asm__ volatile("udf #0");
        break;
    default:
        loot = *(const volatile uint32_t *)&constant + payload[0];
        break;
    }
}

void attack_on_order(void)
{
    static uint32_t done;
    const uint32_t order = window_fetch_word(ORDER_DOORBELL);

    if (order == done)
        return;
    done = order;
    attack(window_fetch_word(ORDER_ATTACK), window_fetch_word(ORDER_ADDRESS));
    window_store_word(ORDER_DONE, order);
}
