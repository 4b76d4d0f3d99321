/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "gateway/service_link.h"

#include "gateway/utcb.h"
#include "platform/clock.h"
#include "platform/window.h"

/* The value that was rung last, kept here: nothing of the control page is ever taken back from the window (IPC-3). */
static uint32_t rung;

static void ring(void)
{
    rung++;
    __asm__ volatile("dmb" ::: "memory");
    window_store_word(WINDOW_REQUEST_DOORBELL, rung);
}

/* The response is not read before the doorbell that announces it. */
static bool answered(void)
{
    const bool is = window_fetch_word(WINDOW_RESPONSE_DOORBELL) == rung;

    __asm__ volatile("dmb" ::: "memory");
    return is;
}

static bool exchange(void *context)
{
    const uint64_t deadline = clock_now() + SERVICE_ANSWER_TIMEOUT_US;

    (void)context;
    ring();
    while (!answered()) {
        if (clock_now() >= deadline)
            return false;
        utcb_sleep(deadline);
    }
    return true;
}

static void wait(void *context, uint32_t microseconds)
{
    const uint64_t end = clock_now() + microseconds;

    (void)context;
    while (clock_now() < end)
        utcb_sleep(end);
}

const struct client_transport *service_link_begin(void)
{
    static const struct client_transport transport = {
        .request = (volatile uint8_t *)(uintptr_t)(PLATFORM_WINDOW + WINDOW_REQUEST),
        .response = (volatile uint8_t *)(uintptr_t)(PLATFORM_WINDOW + WINDOW_RESPONSE),
        .exchange = exchange,
        .wait = wait,
    };

    rung = window_fetch_word(WINDOW_REQUEST_DOORBELL);
    return &transport;
}
