# SPDX-License-Identifier: GPL-2.0-or-later
"""The one exception of this package."""


class ModelError(ValueError):
    """The model was asked for something that no service can be asked for; a mistake of the caller."""
