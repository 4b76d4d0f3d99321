# SPDX-License-Identifier: GPL-2.0-or-later
"""The shared table of the protocol, and everything that turns it into bytes and back."""
