/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What libFuzzer calls. Its library gives the functions of fuzz.c that are declared there and defined nowhere here. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* An input replaces the last FUZZ_INPUT_SIZE bytes of a request, or as many as it has. */
#define FUZZ_INPUT_SIZE 64u
#define FUZZ_REQUEST_MAX 256u
#define FUZZ_REQUESTS_MAX 4u

/* Tells libFuzzer where the coverage is. The service has been booted, and some requests are to follow. */
void fuzz_begin(void);

/* Adds a request of FUZZ_INPUT_SIZE to FUZZ_REQUEST_MAX bytes to those that are sent in turn. False: no room for it. */
__attribute__((warn_unused_result)) _Bool fuzz_add_request(const uint8_t *request, size_t size);

/* Sends the next request, with the input in it, one token's time after the one before. Nothing is put back behind it.
 */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#endif
