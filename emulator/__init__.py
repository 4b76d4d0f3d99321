# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that runs ARM firmware images: memory, processor, symbols. It knows no cryptography and no protocol."""
