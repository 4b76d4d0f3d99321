# SPDX-License-Identifier: GPL-2.0-or-later
"""For which core an ELF file was built: its section .ARM.attributes.

The format is that of "Addenda to, and errata in, the ABI for the Arm architecture", sections 3.2 and 3.3: vendors'
subsections, in the one called `aeabi` a list of tags for the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SECTION: Final = ".ARM.attributes"

_TAG_FILE: Final = 1
_TAG_CPU_ARCH: Final = 6
_TAG_CPU_ARCH_PROFILE: Final = 7
# Besides these, tags below 32 have numbers, and from there on even ones do (section 3.3.1).
_TEXT_TAGS: Final = (4, 5, 67)
_BOTH_TAG: Final = 32

V6_M, V7, V7E_M, V8_M_MAIN = 11, 10, 13, 17

_NAMES: Final = {
    7: "v6K",
    9: "v6K",
    V7: "v7",
    V6_M: "v6-M",
    12: "v6S-M",
    V7E_M: "v7E-M",
    14: "v8-A",
    15: "v8-R",
    16: "v8-M.baseline",
    V8_M_MAIN: "v8-M.mainline",
    21: "v8.1-M.mainline",
}

# What a core executes: its own architecture and those that it contains.
_V7_M: Final = frozenset({V6_M, 12, V7})
_EXECUTED: Final = {
    "cortex-m0plus": frozenset({V6_M, 12}),
    "cortex-m3": _V7_M,
    "cortex-m4": _V7_M | {V7E_M},
    "cortex-m7": _V7_M | {V7E_M},
    "cortex-m33": _V7_M | {V7E_M, 16, V8_M_MAIN},
}
# The smallest core for each.
_CORES: Final = {V6_M: "cortex-m0plus", V7: "cortex-m3", V7E_M: "cortex-m4", V8_M_MAIN: "cortex-m33"}


@dataclass(frozen=True, slots=True)
class Architecture:
    """A value of Tag_CPU_arch, and the letter of Tag_CPU_arch_profile: M is a microcontroller's; empty for any."""

    number: int
    profile: str

    def __str__(self) -> str:
        name = _NAMES.get(self.number, f"number {self.number}")
        return f"{name}-{self.profile}" if self.profile and "-" not in name else name

    @property
    def core(self) -> str | None:
        """The smallest core that the bench knows for it, None where there is none."""
        return _CORES.get(self.number) if self.profile == "M" else None

    def fits(self, core: str) -> bool:
        """False where `core` is known not to execute it."""
        return core not in _EXECUTED or (self.profile in ("M", "") and self.number in _EXECUTED[core])


def architecture(section: bytes) -> Architecture | None:
    """What the section says; None where it says nothing, or nothing that can be read."""
    try:
        tags = dict(_tags(section))
    except (IndexError, ValueError):
        return None
    if _TAG_CPU_ARCH not in tags:
        return None
    profile = tags.get(_TAG_CPU_ARCH_PROFILE, 0)
    return Architecture(tags[_TAG_CPU_ARCH], chr(profile) if profile in tuple(b"AMRS") else "")


def _tags(section: bytes) -> Iterator[tuple[int, int]]:
    """Tags with numbers of the whole file. Raises IndexError or ValueError where the section ends too early."""
    if section[:1] != b"A":
        return
    at = 1
    while at < len(section):
        end = at + _size(section, at)
        name_end = section.index(0, at + 4, end)
        if section[at + 4 : name_end] == b"aeabi" and section[name_end + 1] == _TAG_FILE:
            yield from _file_tags(section, name_end + 6, name_end + 1 + _size(section, name_end + 2))
        at = end


def _file_tags(section: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    while at < end:
        tag, at = _uleb128(section, at)
        number = 0
        has_text = tag in _TEXT_TAGS or (tag > _BOTH_TAG and tag % 2 == 1)
        if not has_text:
            number, at = _uleb128(section, at)
        if has_text or tag == _BOTH_TAG:
            at = section.index(0, at, end) + 1
        yield tag, number


def _size(section: bytes, at: int) -> int:
    size = int.from_bytes(section[at : at + 4], "little")
    if size < 4 or at + size > len(section) + 4:
        raise ValueError("a subsection ends behind its section")
    return size


def _uleb128(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at
