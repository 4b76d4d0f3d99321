/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The error state (FIPS-2, RNG-3): once entered, the service computes nothing until reset. */
#ifndef SELF_TEST_H
#define SELF_TEST_H

#include <stdbool.h>

void self_test_fail(void);

bool self_test_failed(void);

/* The same, for a self-test that has failed; says on the UART which one. */
void self_test_fail_by_name(const char *name);

#endif
