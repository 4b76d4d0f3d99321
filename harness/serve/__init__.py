# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulated service as a virtual device for programs of this machine: `hil serve`."""
