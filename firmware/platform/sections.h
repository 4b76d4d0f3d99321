/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Where a variable lives that is too large for the ordinary data area. Zero at start; nothing of it is in the image. */
#ifndef SECTIONS_H
#define SECTIONS_H

/* The compiler makes a section without contents of a name that begins with .bss. */
#define IN_BULK __attribute__((section(".bss.bulk")))
#define IN_FILTERS __attribute__((section(".bss.filters")))

#endif
