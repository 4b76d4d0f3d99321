/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A service that has been taken over: it refuses every request, and attacks first when it is told to. */
#include "hostile/attack.h"
#include "platform/window.h"
#include "status.h"

static void refuse(uint32_t doorbell)
{
    const uint8_t header[8] = {RESPONSE_MAGIC, PROTOCOL_VERSION, STATUS_CRYPTO_ERROR};

    window_store(WINDOW_RESPONSE, header, sizeof header);
    window_answer(doorbell);
}

int main(void)
{
    uint32_t answered = 0;

    for (;;) {
        __asm__ volatile("dsb\n"
                         "wfi" ::
                             : "memory");
        attack_on_order();
        const uint32_t doorbell = window_request_doorbell();
        if (doorbell != answered) {
            answered = doorbell;
            refuse(doorbell);
        }
    }
}
