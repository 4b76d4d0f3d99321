/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef ENTROPY_H
#define ENTROPY_H

#include "protocol.h"

#include <stdbool.h>
#include <stdint.h>

/* Moves the seed out of the entropy page, which is zero afterwards (RNG-1). False: no entropy was there (RNG-3). */
__attribute__((warn_unused_result)) bool entropy_take(uint8_t seed[ENTROPY_SIZE]);

#endif
