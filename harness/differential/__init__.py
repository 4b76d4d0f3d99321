# SPDX-License-Identifier: GPL-2.0-or-later
"""Two targets, the same random requests, the first difference made small."""
