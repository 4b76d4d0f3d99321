# SPDX-License-Identifier: GPL-2.0-or-later
"""The C core of the hot loop and its cffi binding (see core.h)."""
