/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "gateway/host_port.h"

#include "gateway/utcb.h"
#include "platform/shared.h"
#include "platform_gateway.h"

_Static_assert(HOST_PORT_SIZE <= PLATFORM_HOST_PORT_SIZE, "the board has room for the host port");

/* Bytes of the output area that may be other than zero; the area itself is never asked. */
static uint32_t output_used;

static volatile uint32_t *word(uint32_t offset)
{
    return (volatile uint32_t *)(uintptr_t)(PLATFORM_HOST_PORT + offset);
}

static volatile uint8_t *area(uint32_t offset)
{
    return (volatile uint8_t *)(uintptr_t)(PLATFORM_HOST_PORT + offset);
}

uint32_t host_port_await(uint32_t done)
{
    for (;;) {
        const uint32_t doorbell = *word(HOST_PORT_JOB_DOORBELL);
        __asm__ volatile("dmb" ::: "memory");
        if (doorbell != done)
            return doorbell;
        utcb_sleep(NO_WAKE_TIME);
    }
}

struct host_port_job host_port_fetch_job(void)
{
    return (struct host_port_job){
        .command = *word(HOST_PORT_COMMAND),
        .key_id = *word(HOST_PORT_KEY_ID),
        .input_length = *word(HOST_PORT_INPUT_LENGTH),
    };
}

void host_port_fetch_input(uint8_t *destination, size_t length)
{
    shared_fetch(destination, area(HOST_PORT_INPUT), length);
}

void host_port_finish(uint32_t doorbell, const struct host_port_outcome *outcome, const uint8_t *output)
{
    const uint32_t length = outcome->output_length;

    shared_store(area(HOST_PORT_OUTPUT), output, length);
    if (length < output_used)
        shared_zero(area(HOST_PORT_OUTPUT + length), output_used - length);
    output_used = length;
    *word(HOST_PORT_RESULT) = outcome->result;
    *word(HOST_PORT_STATUS) = outcome->status;
    *word(HOST_PORT_OUTPUT_LENGTH) = length;
    *word(HOST_PORT_WANTS) = outcome->wants;
    __asm__ volatile("dmb" ::: "memory");
    *word(HOST_PORT_DONE_DOORBELL) = doorbell;
}
