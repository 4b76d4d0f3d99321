// SPDX-License-Identifier: GPL-2.0-or-later
// Branches of every kind, one function for each; the host calls them. The tests find lines by the words behind //.
#include <stdint.h>

volatile int sink;

// What is called cannot be moved to before the branch.
__attribute__((noinline)) static void work(int x)
{
    sink = x;
}

static inline int checked(int x)
{
    if (x > 9) // inlined branch
        work(x); // inlined work
    return x;
}

__attribute__((noinline)) int pick(int x)
{
    if (x > 3) // branch
        work(x + 7); // taken work
    else
        work(1); // other work
    return sink;
}

__attribute__((noinline)) int both(int x)
{
    return checked(x) + checked(sink);
}

__attribute__((noinline)) int choose(int x)
{
    switch (x) { // table
    case 0:
        sink = 3;
        return 10;
    case 1:
        sink = 7;
        return x << sink;
    case 2:
        return sink * 3;
    case 3:
        sink += 9;
        return 13;
    case 4:
        return sink - 14;
    default:
        return -1;
    }
}

__attribute__((noinline)) int stumbles(volatile int *where)
{
    sink = 1;
    *where = 2; // refused
    sink = 3;   // behind the refusal
    return sink;
}

__attribute__((noinline, naked)) int leaves_early(int x)
{
    __asm__ volatile("cmp r0, #3\n"
                     "it eq\n"
                     "bxeq lr\n" // leaves
                     "movs r0, #9\n"
                     "bx lr\n");
}

__attribute__((noinline)) int never_called(int x)
{
    return pick(x) + 1; // nobody comes here
}

__attribute__((noreturn)) void reset(void)
{
    sink = never_called(sink) + both(sink) + choose(sink) + stumbles(&sink) + leaves_early(sink);
    for (;;)
        __asm__ volatile("wfi");
}

__attribute__((section(".vectors"), used)) const uintptr_t vectors[2] = {0x20005000u, (uintptr_t)reset};
