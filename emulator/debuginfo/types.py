# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables and their types: `slots[2].state.counter` -> address and size."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DWARFInfo

from emulator.board import ADDRESS_LIMIT
from emulator.debuginfo.dwarf import DAMAGE, children, inherited, number, text, units
from emulator.errors import SymbolError

_PATH = re.compile(r"(?:(?P<file>[^:\[\]]+):)?(?P<name>[A-Za-z_]\w*)(?P<steps>(?:\.[A-Za-z_]\w*|\[\w+\])*)")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\w+)\]")
_DW_OP_ADDR = 0x03
_QUALIFIERS = (
    "DW_TAG_typedef",
    "DW_TAG_const_type",
    "DW_TAG_volatile_type",
    "DW_TAG_atomic_type",
    "DW_TAG_restrict_type",
)
_AGGREGATES = ("DW_TAG_structure_type", "DW_TAG_union_type")
# Typedefs of typedefs end long before; damaged references may go round in circles.
_MAX_CHAIN = 64


class MemberAddress(NamedTuple):
    """Where a variable or a part of it lies, and its size in bytes."""

    address: int
    size: int


class _Place(NamedTuple):
    """An object of `type`; of an array type only the dimensions from `dimension` on."""

    address: int
    type: DIE
    dimension: int


class Types:
    """The variables of an image; `is_object` says whether the linker kept a variable at an address."""

    def __init__(self, dwarf: DWARFInfo, is_object: Callable[[int], bool]) -> None:
        self._dwarf = dwarf
        self._is_object = is_object

    def member_address(self, path: str) -> MemberAddress:
        """Address and size of `variable.member[index]...`, before it `file.c:` where several files have the variable.

        Raises SymbolError for a path that means nothing, or several things.
        """
        parsed = _PATH.fullmatch(path)
        if parsed is None:
            raise SymbolError(f"{path!r} is no member path, write variable.member[index] or file.c:variable.member")
        try:
            die = self._variable(parsed["name"], parsed["file"])
            place = _Place(_location(die), _type_of(die), 0)
            done = parsed["name"]
            for member, index in _STEP.findall(parsed["steps"]):
                place = _member(place, member, done) if member else _element(place, _index(index, done), done)
                done += f".{member}" if member else f"[{index}]"
            found = MemberAddress(place.address, _size(place, done))
        except DAMAGE as error:
            raise SymbolError(f"{path}: its debug information is damaged, build with -g") from error
        if found.address + found.size > ADDRESS_LIMIT:
            raise SymbolError(f"{path} would lie at {found.address:#x}, beyond 32 bits, use a smaller index")
        return found

    def _variable(self, name: str, file: str | None) -> DIE:
        found = self._globals.get(name) or self._locals.get(name) or []
        if file is not None:
            found = [die for die in found if _is_file(_unit_name(die), file)]
        by_address = {_location(die): die for die in found}
        if not by_address:
            where = f" in {file}" if file is not None else ""
            raise SymbolError(f"no variable {name}{where} with debug information, build with -g or check the name")
        if len(by_address) > 1:
            files = ", ".join(sorted(_unit_name(die) for die in by_address.values()))
            raise SymbolError(f"variable {name} is in several files ({files}), write file.c:{name}")
        return next(iter(by_address.values()))

    @cached_property
    def _globals(self) -> dict[str, list[DIE]]:
        """Variables outside functions, by name."""
        return self._index(lambda top: children(top))

    @cached_property
    def _locals(self) -> dict[str, list[DIE]]:
        """All variables with a fixed address, those in functions included; slower, as every entry is read."""
        return self._index(lambda top: (die for die in top.cu.iter_DIEs()))

    def _index(self, entries: Callable[[DIE], Iterator[DIE]]) -> dict[str, list[DIE]]:
        index: dict[str, list[DIE]] = {}
        for unit in units(self._dwarf):
            with suppress(*DAMAGE):
                for die in entries(unit.get_top_DIE()):
                    if die.tag == "DW_TAG_variable" and _has_location(die) and self._is_object(_location(die)):
                        index.setdefault(text(die, "DW_AT_name") or "", []).append(die)
        return index


def _is_file(name: str, wanted: str) -> bool:
    return name == wanted or name.endswith(f"/{wanted}")


def _unit_name(die: DIE) -> str:
    return text(die.cu.get_top_DIE(), "DW_AT_name") or "?"


def _has_location(die: DIE) -> bool:
    """True for a variable at one fixed address; others live in registers, on the stack or in pieces."""
    attribute = die.attributes.get("DW_AT_location")
    value = attribute.value if attribute is not None else None
    return isinstance(value, list) and len(value) == 5 and value[0] == _DW_OP_ADDR


def _location(die: DIE) -> int:
    return int.from_bytes(die.attributes["DW_AT_location"].value[1:], "little")


def _type_of(die: DIE) -> DIE:
    """The type that `die` has or refers to, without typedefs and qualifiers."""
    for _step in range(_MAX_CHAIN):
        carrier = die
        while "DW_AT_type" not in carrier.attributes and "DW_AT_specification" in carrier.attributes:
            carrier = carrier.get_DIE_from_attribute("DW_AT_specification")
        die = carrier.get_DIE_from_attribute("DW_AT_type")
        if die.tag not in _QUALIFIERS:
            return die
    raise ValueError("a chain of types has no end")


def _index(text_form: str, done: str) -> int:
    try:
        return int(text_form, 0)
    except ValueError:
        raise SymbolError(f"{done}[{text_form}]: {text_form} is no number, give one") from None


def _member(place: _Place, name: str, done: str) -> _Place:
    if place.type.tag not in _AGGREGATES or place.dimension:
        raise SymbolError(f"{done} is {_kind(place.type)}, it has no member {name}")
    found = _find_member(place.type, name, 0, 0)
    if found is None:
        names = ", ".join(_member_names(place.type))
        raise SymbolError(f"{done} has no member {name}, use one of: {names}")
    member, offset = found
    if "DW_AT_bit_size" in member.attributes:
        raise SymbolError(f"{done}.{name} is a bit field, it has no address; use the whole {done}")
    return _Place(place.address + offset, _type_of(member), 0)


def _find_member(aggregate: DIE, name: str, offset: int, depth: int) -> tuple[DIE, int] | None:
    """A member and its offset, looked up in nameless structures and unions as well."""
    for member in children(aggregate):
        if member.tag != "DW_TAG_member":
            continue
        here = offset + (number(member, "DW_AT_data_member_location") or 0)
        if "DW_AT_name" not in member.attributes and depth < _MAX_CHAIN:
            inner = _type_of(member)
            found = _find_member(inner, name, here, depth + 1) if inner.tag in _AGGREGATES else None
            if found is not None:
                return found
        elif text(member, "DW_AT_name") == name:
            return member, here
    return None


def _member_names(aggregate: DIE) -> list[str]:
    return [text(member, "DW_AT_name") or "(nameless)" for member in children(aggregate)]


def _element(place: _Place, index: int, done: str) -> _Place:
    if place.type.tag != "DW_TAG_array_type":
        raise SymbolError(f"{done} is {_kind(place.type)}, it has no elements")
    dimensions = _dimensions(place.type)
    length = dimensions[place.dimension]
    if length is not None and not 0 <= index < length:
        raise SymbolError(f"{done}[{index}]: {done} has {length} elements, use 0 to {length - 1}")
    rest = place.dimension + 1
    element = _type_of(place.type)
    size = _type_size(element)
    for following in dimensions[rest:]:
        size *= following or 0
    address = place.address + index * size
    return _Place(address, place.type, rest) if rest < len(dimensions) else _Place(address, element, 0)


def _dimensions(array: DIE) -> list[int | None]:
    """The numbers of elements, outermost first; None where the declaration has none."""
    lengths: list[int | None] = []
    for entry in children(array):
        if entry.tag == "DW_TAG_subrange_type":
            count, bound = number(entry, "DW_AT_count"), number(entry, "DW_AT_upper_bound")
            lengths.append(count if count is not None else bound + 1 if bound is not None else None)
    return lengths


def _size(place: _Place, done: str) -> int:
    if place.type.tag != "DW_TAG_array_type":
        return _type_size(place.type)
    size = _type_size(_type_of(place.type))
    for length in _dimensions(place.type)[place.dimension :]:
        if length is None:
            raise SymbolError(f"{done} is an array of unknown length, name one of its elements")
        size *= length
    return size


def _type_size(die: DIE, depth: int = 0) -> int:
    if die.tag == "DW_TAG_array_type" and depth < _MAX_CHAIN:
        size = _type_size(_type_of(die), depth + 1)
        for length in _dimensions(die):
            size *= length or 0
        return size
    size_value = inherited(die, "DW_AT_byte_size")
    if not isinstance(size_value, int):
        raise ValueError("a type has no size")
    return size_value


def _kind(die: DIE) -> str:
    kinds = {"DW_TAG_pointer_type": "a pointer", "DW_TAG_array_type": "an array", "DW_TAG_base_type": "a number"}
    return kinds.get(str(die.tag), f"a {str(die.tag).removeprefix('DW_TAG_').removesuffix('_type')}")
