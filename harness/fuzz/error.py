# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user can mend."""


class FuzzError(Exception):
    """A campaign that cannot be run, or a finding that cannot be read; the message says what to do."""
