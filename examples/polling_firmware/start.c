/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From power-on to a C environment, with a vector table of the exceptions that cannot be turned off. */
#include <stdint.h>

extern uint32_t stack_high[];
extern uint32_t variables_low[], variables_high[], nonces_low[], nonces_high[];

int main(void);

__attribute__((noreturn)) static void halt(void)
{
    for (;;)
        continue;
}

static void clear(volatile uint32_t *word, const volatile uint32_t *end)
{
    while ((uintptr_t)word != (uintptr_t)end)
        *word++ = 0;
}

__attribute__((noreturn)) void power_on(void);
void power_on(void)
{
    clear(variables_low, variables_high);
    clear(nonces_low, nonces_high);
    (void)main();
    halt();
}

struct boot_vectors {
    const void *stack;
    void (*reset)(void);
    void (*nmi)(void);
    void (*hard_fault)(void);
};

__attribute__((section(".boot_vectors"), used)) static const struct boot_vectors boot_vectors = {
    .stack = stack_high,
    .reset = power_on,
    .nmi = halt,
    .hard_fault = halt,
};
