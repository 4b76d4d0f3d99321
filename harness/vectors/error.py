# SPDX-License-Identifier: GPL-2.0-or-later
"""The one exception of this package."""


class VectorError(ValueError):
    """A vector file cannot be used; the message, one line, names file and place, what is wrong and what to do."""
