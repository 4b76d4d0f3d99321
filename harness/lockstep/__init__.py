# SPDX-License-Identifier: GPL-2.0-or-later
"""Two engines, one request: which instruction is the first on which they begin to disagree?"""
