/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Known-answer tests of every primitive (FIPS-1). Only the FIPS build, which defines SELF_TESTS, has any. */
#ifndef SELF_TEST_KNOWN_ANSWERS_H
#define SELF_TEST_KNOWN_ANSWERS_H

#ifdef SELF_TESTS

/* Makes every test. One that fails is named on the UART and enters the error state; those behind it are still made. */
void self_test_known_answers(void);

#else

__attribute__((always_inline)) static inline void self_test_known_answers(void)
{
}

#endif

#endif
