# SPDX-License-Identifier: GPL-2.0-or-later
"""Text from outside (firmware output, test names, paths) made fit to be shown, and numbers made readable."""

import re

# Characters that are invisible, reorder their neighbours, or are no text at all: C1 controls, zero width space, the
# directional marks, embeddings, overrides and isolates of Unicode's bidirectional algorithm, line and paragraph
# separators, byte order mark, surrogates, non-characters. A name must not be able to look like another one.
_TREACHEROUS = (
    *range(0x80, 0xA0),
    0x061C,
    0x200B,
    *range(0x200E, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),
    0xFEFF,
    0xFFFE,
    0xFFFF,
)

_VISIBLE: dict[int, str] = {
    **{code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F) if chr(code) not in "\t\n"},
    **{code: f"\\u{code:04x}" for code in _TREACHEROUS},
}

# XML 1.0 section 2.2, production [2] Char.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def visible(text: str) -> str:
    """`text` with each control character and each character that could mislead as its code: `\\x1b`, `\\u202e`."""
    return text.replace("\r\n", "\n").translate(_VISIBLE)


def xml_text(text: str) -> str:
    """`text` without the characters that an XML 1.0 document cannot hold, not even escaped."""
    return _NOT_XML.sub("", text)


def first_line(text: str) -> str:
    """The first line of `text` that is not blank, or the empty string."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def thousands(number: int) -> str:
    """1234567 as 1,234,567."""
    return f"{number:,}"


def duration(seconds: float) -> str:
    """A time in the unit that suits it: `0.4 ms`, `312 ms`, `12.3 s`, `2 min 5 s`."""
    if seconds < 0.01:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def percent(share: tuple[int, int]) -> str:
    """`hit` of `found` as `97.3 %`, rounded down so that 100 % is all; `none` where nothing was to be found."""
    hit, found = share
    if not found:
        return "none"
    return "100 %" if hit == found else f"{hit * 1000 // found / 10:.1f} %"


def counted(number: int, noun: str) -> str:
    """`1 clause`, `1,200 clauses`."""
    return f"{thousands(number)} {noun}" if number == 1 else f"{thousands(number)} {noun}s"
