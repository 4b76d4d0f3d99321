# SPDX-License-Identifier: GPL-2.0-or-later
"""DWARF of an image through pyelftools, read so that damage ends a reading and never loops.

pyelftools follows offsets as they come: DW_AT_sibling may point backwards, references may form cycles. Hence trees are
walked here, by strictly growing offsets, and every caller stops at the exceptions in DAMAGE.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from elftools.common.exceptions import DWARFError, ELFError
from elftools.construct import ConstructError
from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo
from elftools.dwarf.ranges import BaseAddressEntry

from emulator.image import Image

# What pyelftools raises for contents that it did not expect, as fuzzing shows.
DAMAGE: tuple[type[Exception], ...] = (
    ELFError,
    DWARFError,
    ConstructError,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,  # RecursionError and NotImplementedError
    TypeError,
    ValueError,  # UnicodeDecodeError
)

_SECTIONS = (
    "debug_info",
    "debug_abbrev",
    "debug_frame",
    "debug_str",
    "debug_ranges",
    "debug_line",
    "debug_addr",
    "debug_str_offsets",
    "debug_line_str",
    "debug_rnglists",
)
_UNUSED = (
    "debug_aranges",
    "eh_frame",
    "debug_loc",
    "debug_pubtypes",
    "debug_pubnames",
    "debug_loclists",
    "debug_sup",
    "gnu_debugaltlink",
    "debug_types",
)

Range = tuple[int, int]


def open_dwarf(image: Image) -> DWARFInfo:
    """The image's DWARF sections; those that are absent or compressed count as empty."""
    sections: dict[str, Any] = {f"{name}_sec": None for name in _UNUSED}
    for name in _SECTIONS:
        section = image.section(f".{name}")
        data = b"" if section is None or section.compressed else image.section_data(f".{name}")
        sections[f"{name}_sec"] = (
            DebugSectionDescriptor(io.BytesIO(data), f".{name}", None, len(data), 0) if data else None
        )
    return DWARFInfo(DwarfConfig(little_endian=True, machine_arch="ARM", default_address_size=4), **sections)


def units(dwarf: DWARFInfo) -> list[CompileUnit]:
    """The compile units, up to the first that is damaged."""
    found: list[CompileUnit] = []
    if dwarf.has_debug_info:
        with suppress(*DAMAGE):
            for unit in dwarf.iter_CUs():
                unit.get_top_DIE()
                found.append(unit)
    return found


def children(die: DIE) -> Iterator[DIE]:
    """The entries directly below `die`. Raises one of DAMAGE where the tree is damaged."""
    if not die.has_children:
        return
    offset = die.offset + die.size
    while True:
        child = die.cu.get_DIE_from_refaddr(offset)
        if child.is_null():
            return
        yield child
        following = _sibling(child) if child.has_children else child.offset + child.size
        if following <= offset:
            raise DWARFError(f"the sibling of entry {offset:#x} lies before it")
        offset = following


def _sibling(die: DIE) -> int:
    attribute = die.attributes.get("DW_AT_sibling")
    if attribute is not None:
        return int(attribute.raw_value) + die.cu.cu_offset
    offset, depth = die.offset + die.size, 1
    while depth:
        entry = die.cu.get_DIE_from_refaddr(offset)
        depth += -1 if entry.is_null() else int(bool(entry.has_children))
        offset += entry.size
    return offset


def text(die: DIE, attribute: str) -> str | None:
    """A string attribute, followed through the declaration or the abstract instance that `die` completes."""
    value = inherited(die, attribute)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None


def number(die: DIE, attribute: str) -> int | None:
    """An integer attribute, None if there is none or it is not one."""
    value = inherited(die, attribute)
    return value if isinstance(value, int) else None


def inherited(die: DIE, attribute: str) -> Any:
    """An attribute's value in `die` or in what it completes (two steps at most, as compilers write it)."""
    for _step in range(3):
        if attribute in die.attributes:
            return die.attributes[attribute].value
        link = next((name for name in ("DW_AT_abstract_origin", "DW_AT_specification") if name in die.attributes), None)
        if link is None:
            return None
        die = die.get_DIE_from_attribute(link)
    return None


def pc_ranges(die: DIE) -> list[Range]:
    """The half-open address ranges of the code that `die` stands for."""
    low = die.attributes.get("DW_AT_low_pc")
    high = die.attributes.get("DW_AT_high_pc")
    if low is not None and high is not None:
        end = high.value if high.form == "DW_FORM_addr" else low.value + high.value
        return [(low.value, end)]
    lists = die.dwarfinfo.range_lists() if "DW_AT_ranges" in die.attributes else None
    unit = die.cu
    if lists is None or not isinstance(unit, CompileUnit):
        return []
    base_attribute = unit.get_top_DIE().attributes.get("DW_AT_low_pc")
    base = base_attribute.value if base_attribute is not None else 0
    found: list[Range] = []
    for entry in lists.get_range_list_at_offset(die.attributes["DW_AT_ranges"].value, unit):
        if isinstance(entry, BaseAddressEntry):
            base = entry.base_address
        else:
            shift = 0 if entry.is_absolute else base
            found.append((entry.begin_offset + shift, entry.end_offset + shift))
    return found
