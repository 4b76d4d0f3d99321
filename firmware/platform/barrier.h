/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef BARRIER_H
#define BARRIER_H

/* What stands before it in the program has happened for every other observer of memory before what stands behind it. */
#if defined(__arm__)
#define BARRIER() __asm__ volatile("dmb" ::: "memory")
#else
#define BARRIER() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

#endif
