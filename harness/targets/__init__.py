# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that can answer a request, behind one interface."""
