/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The service's main() never returns; here its first wait leaves it by a long jump. It holds nothing that is needed
 * later but the doorbell it has answered, so that one round of its loop is all that an exchange is.
 */
#include "platform_native/native.h"

#include "platform.h"
#include "platform/dead_stack.h"
#include "platform/idle.h"
#include "platform/uart.h"
#include "platform/window.h"
#include "service/ipc.h"

#include <setjmp.h>

/* As their widest field needs it. Round anything that is aligned to more than 64, GCC puts no forbidden borders. */
#define PAGE _Alignas(8)

PAGE uint8_t native_kernel_page[PLATFORM_KERNEL_PAGE_SIZE];
PAGE uint8_t native_entropy_page[ENTROPY_SIZE];
PAGE uint8_t native_key_storage[PLATFORM_KEY_STORAGE_SIZE];
PAGE uint8_t native_window[PLATFORM_WINDOW_SIZE];

/* The build gives main() this name. */
int service_main(void);

static jmp_buf first_wait;
static uint32_t answered_doorbell;

void native_boot(void)
{
    if (setjmp(first_wait) == 0)
        (void)service_main();
}

void native_exchange(void)
{
    const uint32_t doorbell = window_request_doorbell();

    if (doorbell == answered_doorbell)
        return;
    answered_doorbell = doorbell;
    ipc_serve(doorbell);
}

void idle_init(void)
{
}

uint32_t idle_until_request(uint32_t answered)
{
    answered_doorbell = answered;
    longjmp(first_wait, 1);
}

/* The stack belongs to the host, which SEC-1 says nothing about. */
void wipe_dead_stack(void)
{
}

void uart_init(void)
{
}

void uart_write(const char *text)
{
    (void)text;
}
