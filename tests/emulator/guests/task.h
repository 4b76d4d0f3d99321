/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of the tasks, by hand; GATEWAY says which of the two is built. ORDER is the task's part of the window. */
#ifndef TASK_H
#define TASK_H

#define WINDOW 0x21810000u

#ifdef GATEWAY
#define ORDER 0x200u
#define UTCB 0x21842000u
#else
#define ORDER 0x100u
#define UTCB 0x21840000u
#endif

#endif
