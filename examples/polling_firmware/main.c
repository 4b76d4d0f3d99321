/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A firmware with a main loop that polls, without interrupts and without a UART; what it answers is the service's. */
#include "crypto/wipe.h"
#include "platform.h"
#include "platform/clock.h"
#include "platform/dead_stack.h"
#include "platform/entropy.h"
#include "platform/uart.h"
#include "platform/window.h"
#include "service/ipc.h"
#include "service/nonce_tracker.h"
#include "service/random.h"
#include "service/rate_limiter.h"
#include "service/self_test.h"

#include <stdbool.h>

#define PAGE_OF(name) __attribute__((section(".loader." name), aligned(PAGE_SIZE), used))

PAGE_OF("info") uint8_t system_info[PAGE_SIZE];
PAGE_OF("seed") uint8_t seed_page[PAGE_SIZE];
PAGE_OF("vault") uint8_t key_vault[PLATFORM_KEY_STORAGE_SIZE];
PAGE_OF("mailbox") uint8_t mailbox[PLATFORM_WINDOW_SIZE];

/* The look at the doorbell: polling.toml names this function as the place where the firmware waits. */
uint32_t poll_mailbox(void);
__attribute__((noinline)) uint32_t poll_mailbox(void)
{
    return window_request_doorbell();
}

/* Nobody listens. */
void uart_write(const char *text)
{
    (void)text;
}

/* RNG-1 to RNG-3. */
static void seed_generator(void)
{
    uint8_t seed[ENTROPY_SIZE];
    uint8_t hash_key[NONCE_HASH_KEY_SIZE];
    bool seeded = entropy_take(seed);

    if (seeded) {
        random_init(seed);
        seeded = random_draw(hash_key, sizeof hash_key);
    }
    if (seeded)
        nonce_tracker_init(hash_key);
    else
        self_test_fail();
    wipe(seed, sizeof seed);
    wipe(hash_key, sizeof hash_key);
}

int main(void)
{
    uint32_t answered = 0;

    seed_generator();
    rate_limiter_init(clock_now());
    wipe_dead_stack();
    for (;;) {
        const uint32_t rung = poll_mailbox();
        if (rung != answered) {
            ipc_serve(rung);
            answered = rung;
        }
    }
}
