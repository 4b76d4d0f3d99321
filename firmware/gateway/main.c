/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The gateway task: takes jobs from the host port and has the service do the cryptography. */
#include "crypto/wipe.h"
#include "gateway/host_port.h"
#include "gateway/jobs.h"
#include "gateway/service_link.h"
#include "platform/sections.h"

IN_BULK _Alignas(8) static uint8_t input[HOST_PORT_AREA_SIZE];
IN_BULK _Alignas(8) static uint8_t output[HOST_PORT_AREA_SIZE];

/* Does one job, and leaves neither its input nor its output in private memory. */
static void serve(struct client *client, uint32_t doorbell)
{
    const struct host_port_job claim = host_port_fetch_job();
    struct client_buffer buffer = {.data = output, .size = sizeof output};
    enum client_result result = CLIENT_BAD_ARGUMENT;
    size_t input_length = 0;

    client->status = STATUS_SUCCESS;
    if (claim.input_length <= sizeof input) {
        input_length = claim.input_length;
        host_port_fetch_input(input, input_length);
        const struct job job = {claim.command, claim.key_id, {input, input_length}};
        result = jobs_do(&job, &buffer);
    }
    const struct host_port_outcome outcome = {
        .result = (uint32_t)result,
        .status = (uint32_t)client->status,
        .output_length = (uint32_t)buffer.length,
        .wants = jobs_wants(),
    };
    host_port_finish(doorbell, &outcome, output);
    wipe(input, input_length);
    wipe(output, buffer.length);
}

int main(void)
{
    struct client client = {.transport = service_link_begin()};
    uint32_t doorbell = 0;

    jobs_begin(&client);
    for (;;) {
        doorbell = host_port_await(doorbell);
        serve(&client, doorbell);
    }
}
