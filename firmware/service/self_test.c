/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/self_test.h"

#include "platform/uart.h"

static bool error_state;

void self_test_fail(void)
{
    error_state = true;
}

bool self_test_failed(void)
{
    return error_state;
}

void self_test_fail_by_name(const char *name)
{
    self_test_fail();
    uart_write("self-test failed: ");
    uart_write(name);
    uart_write("\n");
}
