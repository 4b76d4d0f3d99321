/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The jobs that the host can give (docs/protocol.md, "Host port"). */
#ifndef JOBS_H
#define JOBS_H

#include "client/client.h"

#include <stdint.h>

/* A command is the type of a single request, or one of these. */
enum job_command {
    JOB_SEAL_BEGIN = 0x100,
    JOB_SEAL_CHUNK = 0x101,
    JOB_SEAL_END = 0x102,
    JOB_OPEN_BEGIN = 0x110,
    JOB_OPEN_NEXT = 0x111,
    JOB_OPEN_END = 0x112,
};

struct job {
    uint32_t command;
    uint32_t key_id;
    struct client_bytes input;
};

/* Prepares for the first job. */
void jobs_begin(struct client *client);

/* Does a job. What comes out is left in `output`; its length is 0 unless the result is CLIENT_OK. */
__attribute__((warn_unused_result)) enum client_result jobs_do(const struct job *job, struct client_buffer *output);

/* The bytes that the next JOB_OPEN_NEXT takes; 0 where none is awaited. */
uint32_t jobs_wants(void);

#endif
