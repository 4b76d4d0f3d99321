/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The service's one random number generator (RNG-1). */
#ifndef RANDOM_H
#define RANDOM_H

#include "protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Instantiates the generator; before that nothing may be drawn. */
void random_init(const uint8_t entropy[ENTROPY_SIZE]);

/* One generate call (RNG-2). False, with nothing drawn, when the generator would have to be reseeded. */
__attribute__((warn_unused_result)) bool random_draw(uint8_t *out, size_t size);

#endif
