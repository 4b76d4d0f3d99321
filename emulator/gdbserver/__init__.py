# SPDX-License-Identifier: GPL-2.0-or-later
"""A debugger's view of the emulated board, and the GDB remote serial protocol that serves it."""
