# SPDX-License-Identifier: GPL-2.0-or-later
"""One module for each primitive: its cases, the readers of its files, its executors."""
