# SPDX-License-Identifier: GPL-2.0-or-later
"""The one exception of this package."""


class AnalysisError(Exception):
    """An analysis cannot be made; the message, one line, says why and what to do."""
