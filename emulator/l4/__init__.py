# SPDX-License-Identifier: GPL-2.0-or-later
"""What the microkernel gives a task: pages, dataspaces, time."""
