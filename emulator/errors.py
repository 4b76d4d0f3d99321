# SPDX-License-Identifier: GPL-2.0-or-later
"""The package's exception: only a mistake of the host is one; whatever a guest does is a value."""


class EmulatorError(Exception):
    """A mistake on the host's side; the message is one line that says what is wrong and what to do."""


class ImageError(EmulatorError):
    """An ELF file cannot be used; the message names the file, the field and what to do."""


class SymbolError(EmulatorError):
    """A name or a member path means nothing, or more than one thing, in this image."""
