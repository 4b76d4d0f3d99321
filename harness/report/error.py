# SPDX-License-Identifier: GPL-2.0-or-later
"""The one exception of this package."""


class ReportError(Exception):
    """A report could not be written; the message, one line, says where, why and what to do."""
