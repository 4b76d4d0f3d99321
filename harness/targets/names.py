# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of targets and boards, for whoever only needs to print them: importing this imports no engine."""

TARGET_NAMES = ("emulated", "icicle", "model", "native", "qemu")
REMOTE_FORM = "gdb:HOST:PORT"  # any stub of the GDB remote serial protocol
# What --target takes: the names, and those that need something to be running.
TARGET_FORMS = (*TARGET_NAMES, REMOTE_FORM, "device[:SOCKET]")
DEFAULT_BOARD = "an386"
