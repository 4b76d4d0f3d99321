/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "service/self_test.h"

static bool error_state;

void self_test_fail(void)
{
    error_state = true;
}

bool self_test_failed(void)
{
    return error_state;
}
