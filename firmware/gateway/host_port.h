/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The host port, where jobs come from: a page of control words, an input area and an output area (docs/protocol.md,
 * "Host port"). Whoever is behind it may write any byte at any moment, so that whatever is fetched is judged on the
 * copy.
 */
#ifndef HOST_PORT_H
#define HOST_PORT_H

#include <stddef.h>
#include <stdint.h>

#define HOST_PORT_JOB_DOORBELL 0u
#define HOST_PORT_DONE_DOORBELL 4u
#define HOST_PORT_COMMAND 8u
#define HOST_PORT_KEY_ID 12u
#define HOST_PORT_INPUT_LENGTH 16u
#define HOST_PORT_RESULT 20u
#define HOST_PORT_STATUS 24u
#define HOST_PORT_OUTPUT_LENGTH 28u
#define HOST_PORT_WANTS 32u

#define HOST_PORT_AREA_SIZE 0x10000u
#define HOST_PORT_INPUT 0x1000u
#define HOST_PORT_OUTPUT (HOST_PORT_INPUT + HOST_PORT_AREA_SIZE)
#define HOST_PORT_SIZE (HOST_PORT_OUTPUT + HOST_PORT_AREA_SIZE)

struct host_port_job {
    uint32_t command;
    uint32_t key_id;
    uint32_t input_length; /* as claimed */
};

struct host_port_outcome {
    uint32_t result;
    uint32_t status;
    uint32_t output_length; /* at most HOST_PORT_AREA_SIZE */
    uint32_t wants;
};

/* Sleeps until the job doorbell holds another value than `done`, and returns that value. */
uint32_t host_port_await(uint32_t done);

struct host_port_job host_port_fetch_job(void);

/* Copies the first `length` bytes of the input area, at most HOST_PORT_AREA_SIZE. */
void host_port_fetch_input(uint8_t *destination, size_t length);

/* Writes output and outcome, zeroes what an earlier, longer output has left, then sets the done doorbell. */
void host_port_finish(uint32_t doorbell, const struct host_port_outcome *outcome, const uint8_t *output);

#endif
