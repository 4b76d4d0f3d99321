/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "gateway/jobs.h"

#include "client/client_open.h"
#include "client/client_seal.h"
#include "gateway/single_request.h"

/* One file of each kind at a time; beginning another one drops it. */
static struct client *service;
static struct client_seal seal;
static struct client_open open;

void jobs_begin(struct client *client)
{
    uint8_t no_header[SEALED_HEADER_SIZE];

    service = client;
    client_seal_begin(&seal, client, 0, no_header);
    seal.stage = CLIENT_SEAL_ENDED;
    client_open_begin(&open, client);
}

static enum client_result seal_begin(const struct job *job, struct client_buffer *output)
{
    if (output->size < SEALED_HEADER_SIZE)
        return CLIENT_NO_ROOM;
    client_seal_begin(&seal, service, job->key_id, output->data);
    output->length = SEALED_HEADER_SIZE;
    return CLIENT_OK;
}

enum client_result jobs_do(const struct job *job, struct client_buffer *output)
{
    output->length = 0;
    switch (job->command) {
    case JOB_SEAL_BEGIN:
        return seal_begin(job, output);
    case JOB_SEAL_CHUNK:
        return client_seal_chunk(&seal, job->input, output);
    case JOB_SEAL_END:
        return client_seal_end(&seal, output);
    case JOB_OPEN_BEGIN:
        client_open_begin(&open, service);
        return CLIENT_OK;
    case JOB_OPEN_NEXT:
        return client_open_next(&open, job->input, output);
    case JOB_OPEN_END:
        return client_open_end(&open, job->input.length);
    default:
        return single_request(service, job->command, job->input, output);
    }
}

uint32_t jobs_wants(void)
{
    return (uint32_t)client_open_wants(&open);
}
