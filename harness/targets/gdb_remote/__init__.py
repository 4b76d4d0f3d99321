# SPDX-License-Identifier: GPL-2.0-or-later
"""A target behind a stub of the GDB remote serial protocol: QEMU, OpenOCD, pyOCD, J-Link, or any other.

`packets` is the framing, without I/O; `connection` a socket with timeouts; `stub` the commands; `target` the service.
"""
