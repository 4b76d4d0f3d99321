/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "crypto/wipe.h"
#include "platform/clock.h"
#include "platform/dead_stack.h"
#include "platform/entropy.h"
#include "platform/idle.h"
#include "platform/uart.h"
#include "service/ipc.h"
#include "service/nonce_tracker.h"
#include "service/random.h"
#include "service/rate_limiter.h"
#include "service/self_test.h"
#include "service/self_test_known_answers.h"

/* What the image is, for whoever holds only the file; the build passes both names. */
extern const char build_kind[];
extern const char service_version[];
const char build_kind[] = BUILD_KIND;
const char service_version[] = SERVICE_VERSION;

/* RNG-1 to RNG-3: the generator, and the first draw from it. False: no entropy. */
__attribute__((warn_unused_result)) static bool start_random(void)
{
    uint8_t entropy[ENTROPY_SIZE];
    uint8_t hash_key[NONCE_HASH_KEY_SIZE];
    bool started = false;

    if (!entropy_take(entropy))
        goto cleanup;
    random_init(entropy);
    if (!random_draw(hash_key, sizeof hash_key))
        goto cleanup;
    nonce_tracker_init(hash_key);
    started = true;

cleanup:
    wipe(entropy, sizeof entropy);
    wipe(hash_key, sizeof hash_key);
    return started;
}

static void start(void)
{
    uart_init();
    uart_write("crypto service ");
    uart_write(service_version);
    uart_write(" ");
    uart_write(build_kind);
    uart_write("\n");
    /* Before there is a generator to draw from (RNG-2). */
    self_test_known_answers();
    if (!start_random())
        self_test_fail();
    rate_limiter_init(clock_now());
    idle_init();
}

int main(void)
{
    uint32_t doorbell = 0;

    start();
    wipe_dead_stack();
    for (;;) {
        doorbell = idle_until_request(doorbell);
        ipc_serve(doorbell);
    }
}
