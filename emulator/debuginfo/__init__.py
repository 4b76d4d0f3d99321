# SPDX-License-Identifier: GPL-2.0-or-later
"""What DWARF says of an image: source lines, inlining, call frames, types. Damaged DWARF says less, it never raises."""
