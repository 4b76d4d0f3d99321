/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which input ran last, what the guest compared in it and was asked, for whoever mutates: here or in another process.
 */
#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC */
#include "engine_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t last_input;
static struct engine_last *shared; /* mapped by the process that executes and by the one that mutates */

/* FNV-1a, by words. */
uint64_t engine_digest(const uint8_t *input, size_t size)
{
    uint64_t h = 0xCBF29CE484222325u ^ size;
    for (; size >= 8; input += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, input, sizeof word);
        h = (h ^ word) * 0x100000001B3u;
        h ^= h >> 29;
    }
    for (; size > 0; input++, size--) {
        h = (h ^ *input) * 0x100000001B3u;
    }
    return h ^ h >> 32;
}

static uint32_t smaller(size_t a, size_t b)
{
    return (uint32_t)(a < b ? a : b);
}

static void note_requests(struct engine_last *out)
{
    const struct engine *e = engine_current();
    struct engine_exchange *exchanges = NULL;
    size_t count = e->exchanges(e->executor, &exchanges);
    out->request_count = smaller(count, ENGINE_REQUESTS);
    out->first_request = (uint32_t)count - out->request_count;
    for (size_t i = 0; i < out->request_count; i++) {
        const struct engine_exchange *x = &exchanges[out->first_request + i];
        struct engine_request *request = &out->requests[i];
        request->step = x->step;
        request->length = x->request_size < ENGINE_HEADER ? 0 : x->request_size - ENGINE_HEADER;
        if (request->length != 0) {
            memcpy(request->head, x->request + ENGINE_HEADER, smaller(request->length, ENGINE_HEAD));
        }
    }
}

static void note_run(struct engine_last *out)
{
    const struct engine *e = engine_current();
    struct engine_compare *compares = NULL;
    out->compare_count = smaller(e->compares(e->core, &compares), ENGINE_COMPARES);
    if (out->compare_count != 0) {
        memcpy(out->compares, compares, out->compare_count * sizeof *compares);
    }
    note_requests(out);
    out->input = last_input;
}

/* Another process may have written anything to it. */
static bool is_sound(const struct engine_last *run)
{
    return run->compare_count <= ENGINE_COMPARES && run->request_count <= ENGINE_REQUESTS;
}

void last_run_forget(void)
{
    last_input = 0;
    shared = NULL;
}

void last_run_note(const uint8_t *input, size_t size)
{
    last_input = engine_digest(input, size);
    if (shared != NULL) {
        note_run(shared);
    }
}

uint64_t last_run_input(void)
{
    return engine_current()->run == NULL && shared != NULL ? shared->input : last_input;
}

void last_run_read(struct engine_last *out)
{
    if (engine_current()->run != NULL) {
        note_run(out);
        return;
    }
    if (shared != NULL) {
        *out = *shared;
    }
    if (shared == NULL || !is_sound(out)) {
        out->compare_count = out->request_count = 0;
    }
}

bool last_run_share(bool executes)
{
    const char *path = getenv("HIL_FUZZ_LAST_RUN");
    int file = path == NULL ? -1 : open(path, (executes ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    struct stat status;
    if (file == -1) {
        return false;
    }
    void *map = MAP_FAILED;
    if (fstat(file, &status) == 0 && status.st_size == sizeof *shared) {
        map = mmap(NULL, sizeof *shared, executes ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file, 0);
    }
    close(file);
    shared = map == MAP_FAILED ? NULL : map;
    return shared != NULL;
}
