/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which input ran last and what the guest compared in it, for whoever mutates: in this process, or in another one. */
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

static size_t compares_of_run(struct engine_compare *out)
{
    const struct engine *e = engine_current();
    struct engine_compare *compares = NULL;
    size_t count = e->compares(e->core, &compares);
    count = count < ENGINE_COMPARES ? count : ENGINE_COMPARES;
    if (count != 0) {
        memcpy(out, compares, count * sizeof *out);
    }
    return count;
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
        shared->compare_count = compares_of_run(shared->compares);
        shared->input = last_input;
    }
}

uint64_t last_run_input(void)
{
    return engine_current()->run == NULL && shared != NULL ? shared->input : last_input;
}

size_t last_run_compares(struct engine_compare *out)
{
    if (engine_current()->run != NULL) {
        return compares_of_run(out);
    }
    if (shared == NULL || shared->compare_count > ENGINE_COMPARES) {
        return 0;
    }
    size_t count = (size_t)shared->compare_count;
    memcpy(out, shared->compares, count * sizeof *out);
    return count;
}

bool last_run_share(bool executes)
{
    const char *path = getenv("HIL_FUZZ_COMPARES");
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
