/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mutator as a library of AFL++ (AFL_CUSTOM_MUTATOR_LIBRARY names this module's shared object). It works in the
 * fuzzer's process, where no executor is: what the guest compared comes through a file that the target has mapped, too
 * (HIL_FUZZ_LAST_RUN). Changes without structure are the fuzzer's own trade.
 *
 * HIL_FUZZ_GRAMMAR may name a file: how many counted fields there are, u32 little-endian; as many of `struct
 * engine_count`; then snippets, each as a length, u32 little-endian, and so many bytes.
 */
#include "mutation.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND 64u

struct library {
    uint8_t *file;
    struct engine_text *snippets;
    size_t snippet_count;
    uint8_t *out;
    size_t out_size;
    uint32_t seed;
    uint64_t unchanged; /* the digest of what was last handed out as it is */
};

/* The interface is found by name. */
void *afl_custom_init(void *fuzzer, unsigned int seed);
size_t afl_custom_fuzz(struct library *l, const uint8_t *input, size_t size, uint8_t **out, const uint8_t *other,
                       size_t other_size, size_t max_size);
void afl_custom_deinit(struct library *l);

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = path == NULL ? NULL : fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    long end = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    uint8_t *bytes = end <= 0 ? NULL : malloc((size_t)end);
    rewind(file);
    *size = bytes == NULL ? 0 : fread(bytes, 1, (size_t)end, file);
    fclose(file);
    return bytes;
}

/* Where the next snippet is; false behind the last whole one. */
static bool next_snippet(const uint8_t *bytes, size_t size, size_t *at, struct engine_text *snippet)
{
    uint32_t length;
    if (size - *at < sizeof length) {
        return false;
    }
    memcpy(&length, bytes + *at, sizeof length); /* both ends are little-endian */
    *at += sizeof length;
    if (size - *at < length) {
        return false;
    }
    *snippet = (struct engine_text){bytes + *at, length};
    *at += length;
    return true;
}

/* The counted fields; where the snippets begin. */
static size_t load_counts(const struct library *l, size_t size)
{
    uint32_t count;
    if (size < sizeof count) {
        return size;
    }
    memcpy(&count, l->file, sizeof count);
    if (count > (size - sizeof count) / sizeof(struct engine_count)) {
        return size;
    }
    /* Of bytes alone, so that they may lie anywhere. */
    mutator_use_counts((const struct engine_count *)(const void *)(l->file + sizeof count), count);
    return sizeof count + count * sizeof(struct engine_count);
}

static void load_grammar(struct library *l)
{
    size_t size = 0;
    l->file = read_file(getenv("HIL_FUZZ_GRAMMAR"), &size);
    size_t begin = load_counts(l, size);
    struct engine_text snippet;
    size_t count = 0;
    for (size_t at = begin; next_snippet(l->file, size, &at, &snippet);) {
        count++;
    }
    l->snippets = count == 0 ? NULL : malloc(count * sizeof *l->snippets);
    for (size_t at = begin; l->snippets != NULL && l->snippet_count < count;) {
        next_snippet(l->file, size, &at, &l->snippets[l->snippet_count++]);
    }
    mutator_use(l->snippets, l->snippet_count, NULL, 0);
}

void *afl_custom_init(void *fuzzer, unsigned int seed)
{
    struct library *l = calloc(1, sizeof *l);
    (void)fuzzer;
    if (l != NULL) {
        l->seed = seed;
        load_grammar(l);
        last_run_share(false);
    }
    return l;
}

/*
 * So many new inputs of each seed, and twice as many as long as they find something: without a count the first seed
 * that leads anywhere takes minutes.
 */
unsigned int afl_custom_fuzz_count(struct library *l, const uint8_t *input, size_t size);
unsigned int afl_custom_fuzz_count(struct library *l, const uint8_t *input, size_t size)
{
    (void)l;
    (void)input;
    (void)size;
    return ROUND;
}

size_t afl_custom_fuzz(struct library *l, const uint8_t *input, size_t size, uint8_t **out, const uint8_t *other,
                       size_t other_size, size_t max_size)
{
    (void)other;
    (void)other_size;
    *out = NULL; /* no input: the fuzzer goes on without */
    if (l->out_size < max_size) {
        uint8_t *grown = realloc(l->out, max_size);
        if (grown == NULL) {
            return 0;
        }
        l->out = grown;
        l->out_size = max_size;
    }
    if (size > max_size) {
        return 0;
    }
    memcpy(l->out, input, size);
    *out = l->out;
    /* Each input once as it is: the target tells what it compares. */
    uint64_t digest = engine_digest(input, size);
    if (l->unchanged != digest && !compares_at_hand(input, size)) {
        l->unchanged = digest;
        return size;
    }
    return mutator_mutate(l->out, size, max_size, l->seed++, NULL);
}

void afl_custom_deinit(struct library *l)
{
    mutator_use(NULL, 0, NULL, 0);
    mutator_use_counts(NULL, 0);
    free(l->snippets);
    free(l->file);
    free(l->out);
    free(l);
}
