/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "platform_native/fuzz.h"

#include "memory.h"
#include "platform.h"
#include "platform/clock.h"
#include "platform_native/native.h"
#include "protocol.h"

#include <stdbool.h>

/* About as many as there are blocks; libFuzzer looks through all of them behind each input. */
#define COUNTERS_LOG2 13u

struct template {
    uint8_t bytes[FUZZ_REQUEST_MAX];
    size_t size;
};

static struct template templates[FUZZ_REQUESTS_MAX];
static unsigned template_count;
static unsigned next_template;

static uint8_t counters[1u << COUNTERS_LOG2];

/* Of libFuzzer. */
void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop);

/* The compiler calls it in each block. */
void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
    /* From the start of the library's variables, so that a block has the same counter wherever the library is loaded.
     */
    const uintptr_t place = (uintptr_t)__builtin_return_address(0) - (uintptr_t)counters;

    /* Fibonacci hashing: the highest bits of the product with 2^32 by the golden ratio. */
    counters[(uint32_t)place * 2654435769u >> (32u - COUNTERS_LOG2)]++;
}

void fuzz_begin(void)
{
    __sanitizer_cov_8bit_counters_init(counters, counters + sizeof counters);
}

_Bool fuzz_add_request(const uint8_t *request, size_t size)
{
    if (template_count == FUZZ_REQUESTS_MAX || size < FUZZ_INPUT_SIZE || size > FUZZ_REQUEST_MAX)
        return false;
    struct template *const added = &templates[template_count++];
    memcpy(added->bytes, request, size);
    added->size = size;
    return true;
}

static void advance_clock(void)
{
    const uint64_t now = clock_now() + RATE_INTERVAL_US;

    memcpy(native_kernel_page + KERNEL_PAGE_CLOCK, &now, sizeof now);
}

static void ring(void)
{
    uint32_t doorbell;

    memcpy(&doorbell, native_window + WINDOW_REQUEST_DOORBELL, sizeof doorbell);
    doorbell++;
    memcpy(native_window + WINDOW_REQUEST_DOORBELL, &doorbell, sizeof doorbell);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    const struct template *const request = &templates[next_template++ % template_count];
    uint8_t *const area = native_window + WINDOW_REQUEST;

    memcpy(area, request->bytes, request->size);
    memcpy(area + request->size - FUZZ_INPUT_SIZE, input, size < FUZZ_INPUT_SIZE ? size : FUZZ_INPUT_SIZE);
    advance_clock();
    ring();
    native_exchange();
    return 0;
}
