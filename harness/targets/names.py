# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of targets and boards, for whoever only needs to print them: importing this imports no engine."""

TARGET_NAMES = ("emulated", "model", "native", "qemu")
REMOTE_FORM = "gdb:HOST:PORT"  # any stub of the GDB remote serial protocol
TARGET_FORMS = ", ".join((*TARGET_NAMES, REMOTE_FORM))
DEFAULT_BOARD = "an386"
