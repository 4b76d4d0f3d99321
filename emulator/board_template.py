# SPDX-License-Identifier: GPL-2.0-or-later
"""ELF file -> the text of a board file for it: what the file says is filled in, what it cannot say is marked TODO."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from emulator import arm_attributes
from emulator.board import PAGE_SIZE
from emulator.board_fields import BY_NAME, FIELDS, TODO, FieldRow
from emulator.image import Image, Section, Symbol

_WFI: Final = b"\x30\xbf"
_BANK_STEP: Final = 0x1_0000
_BANK_GAP: Final = 0x10_0000
_SYSTEM_CONTROL: Final = 0xE000_E000  # ARMv7-M and ARMv8-M architecture, B3.2

# By which names firmware calls these things, the most telling first.
_PAGE_NAMES: Final = {
    "shared.window": ("(ipc|shared)_?window", "window", "mailbox"),
    "shared.kernel_page": ("kernel_?(info_?)?page", "(kernel|system)_?info", "kip"),
    "shared.entropy_page": ("(entropy|seed)_?page", "entropy", "seed"),
    "shared.key_storage": ("key_?(storage|store|vault)", "vault"),
}
_STACK_NAMES: Final = r"_*(stack_?(low|bottom|limit|start|base|end)|sstack)_*"
_FILTER_NAMES: Final = r"filter|nonce|bloom"
_POLL_NAMES: Final = r"poll|idle|wait_for|await"

_OPTIONAL_EXAMPLES: Final = {
    "name": '"my board"',
    "qemu_machine": '"mps2-an386"',
    "service.utcb": "{ address = 0x2000_0000 }",
    "devices.uart": "{ address = 0x4000_4000 }",
}


@dataclass(frozen=True, slots=True)
class Template:
    """The text of a board file, and the names of the fields that whoever knows the firmware has to fill in."""

    text: str
    todo: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Guess:
    """The text of a value, and where it comes from."""

    value: str
    source: str
    doubtful: bool = False

    @property
    def open(self) -> bool:
        return self.doubtful or f'"{TODO}"' in self.value


_Span = tuple[int, int]  # first address, and first behind


def board_template(image: Image, firmware: str) -> Template:
    """A board file for an image, which it names as `firmware`: a path as seen from the board file's folder."""
    guesses = {"firmware": _Guess(_text(firmware), ""), **_Guesses(image).all()}
    lines = [
        "# The board of one firmware, for `--board` of hil. In the place of `address = NUMBER` every region may have",
        '# `symbol = "NAME"`, as the firmware calls it. Regions are whole pages of 4096 bytes.',
        "",
    ]
    table = ""
    for row in FIELDS:
        if row.name.partition(".")[0] != table and ("." in row.name or row.kind == "banks"):
            table = row.name.partition(".")[0]
            lines += ["", f"[{table}]"]
        lines += _field_lines(row, guesses.get(row.name))
    todo = tuple(name for name, guess in guesses.items() if guess.open)
    return Template("\n".join(lines) + "\n", todo)


def _field_lines(row: FieldRow, guess: _Guess | None) -> Iterator[str]:
    name = row.name.rpartition(".")[2]
    if guess is None and row.name not in _OPTIONAL_EXAMPLES:
        return
    remark = f" ({guess.source})" if guess is not None and guess.source else ""
    mark = f"{TODO}: " if guess is not None and guess.open else ""
    yield f"# {mark}{row.meaning}{remark}"
    if guess is None:
        yield f"# {name} = {_OPTIONAL_EXAMPLES[row.name]}"
    elif row.kind == "banks":
        yield guess.value
    else:
        yield f"{name} = {guess.value}"


class _Guesses:
    """What an image says of the board that it is linked for."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._built = arm_attributes.architecture(image.section_data(arm_attributes.SECTION))
        # Variables with values are loaded behind the code; what is loaded in their own place is no part of it.
        stored = [part for part in image.segments if part.access != "rw" or part.load_address != part.virtual_address]
        loaded = [(part.load_address, part.load_end) for part in stored if part.data]
        self._code = (min(start for start, _ in loaded), _round_up(max(end for _, end in loaded) + 2))
        self._sp = struct.unpack("<I", image.loaded(self._code[0], 4) or bytes(4))[0]
        self._pages = {field: self._page_symbol(field, names) for field, names in _PAGE_NAMES.items()}
        self._stack = self._find_stack()

    def all(self) -> Mapping[str, _Guess]:
        """Values by the names of fields, in no order."""
        found = {"cpu": self._cpu(), "wait": self._wait()}
        found["service.code"] = _region(self._code, "what is loaded, and a little more")
        found["service.stack"] = self._stack_guess()
        found |= self._variables()
        found |= {field: self._page(symbol) for field, symbol in self._pages.items()}
        found["memory"] = self._memory()
        if self._built is not None and self._built.profile == "M":
            found["devices.system_control"] = _Guess(f"{{ address = {_hex(_SYSTEM_CONTROL)} }}", "of every Cortex-M")
        return found

    def _cpu(self) -> _Guess:
        built = self._built
        if built is None or built.core is None:
            return _Guess(_text(TODO), f"the image is built for {built}" if built else "the image does not say")
        return _Guess(_text(built.core), f"the image is built for {built}")

    def _wait(self) -> _Guess:
        functions = [symbol for symbol in self._image.all_symbols if symbol.kind == "function"]
        code = [self._image.loaded(symbol.address, symbol.size) or b"" for symbol in functions if symbol.size]
        code = code or [segment.data for segment in self._image.segments if segment.access == "rx"]
        if any(text[at : at + 2] == _WFI for text in code for at in range(0, len(text), 2)):
            return _Guess('{ kind = "wfi" }', "the image has this instruction")
        polls = [symbol.name for symbol in functions if re.search(_POLL_NAMES, symbol.name, re.IGNORECASE)]
        if len(polls) == 1:
            return _Guess(f'{{ kind = "address", symbol = {_text(polls[0])} }}', "the image has no WFI; by its name")
        return _Guess(f'{{ kind = "address", symbol = "{TODO}" }}', "the image has no WFI; name where its loop begins")

    # ---- memory ----

    def _page_symbol(self, field: str, names: Iterable[str]) -> Symbol | None:
        """The variable or label that has one of the names and can be that page."""
        room = BY_NAME[field].size
        fitting = [
            symbol
            for symbol in self._image.symbols.values()
            if symbol.kind != "function"
            and symbol.address % PAGE_SIZE == 0
            and (symbol.size == 0 or symbol.size >= room)
            and not self._code[0] <= symbol.address < self._code[1]
        ]
        for name in names:
            found = [symbol for symbol in fitting if re.search(name, symbol.name, re.IGNORECASE)]
            if found:
                return min(found, key=lambda symbol: (symbol.size == 0, len(symbol.name)))
        return None

    @staticmethod
    def _page(symbol: Symbol | None) -> _Guess:
        if symbol is None:
            return _Guess(f'{{ address = "{TODO}" }}', "no symbol tells where")
        return _Guess(f"{{ symbol = {_text(symbol.name)} }}", f"by its name, at {symbol.address:#010x}")

    def _find_stack(self) -> _Span | None:
        """From a section or symbol to the initial stack pointer."""
        for section in self._writable():
            if section.address < self._sp <= section.end and "stack" in section.name.lower():
                return section.address, section.end
        lows = [
            symbol.address
            for symbol in self._image.all_symbols
            if re.fullmatch(_STACK_NAMES, symbol.name, re.IGNORECASE) and symbol.address < self._sp
        ]
        return (max(lows), self._sp) if lows else None

    def _stack_guess(self) -> _Guess:
        if self._stack is None:
            return _Guess(f'{{ address = "{TODO}", size = "{TODO}" }}', f"it ends at {self._sp:#010x}")
        return _region(_pages_of(self._stack), f"the vector table has it end at {self._sp:#010x}")

    def _variables(self) -> Mapping[str, _Guess]:
        """The writable sections, without stack and pages: filters by their names, the first others are data."""
        taken = [_pages_of(self._stack)] if self._stack else []
        taken += [
            (symbol.address, symbol.address + _round_up(max(symbol.size, BY_NAME[field].size)))
            for field, symbol in self._pages.items()
            if symbol is not None
        ]
        filters = [section for section in self._writable() if re.search(_FILTER_NAMES, section.name, re.IGNORECASE)]
        others = [section for section in self._writable() if section not in filters]
        spans = _without(_merged(_pages_of((s.address, s.end)) for s in others), taken)
        filter_spans = _without(_merged(_pages_of((s.address, s.end)) for s in filters), taken + spans)
        spans.sort(key=lambda span: not self._holds(span, ".bss"))
        found = dict(zip(("service.data", "service.bulk"), (_region(span, "") for span in spans), strict=False))
        if "service.data" not in found:
            found["service.data"] = _Guess(f'{{ address = "{TODO}", size = "{TODO}" }}', "the image has no variables")
        if filter_spans:
            found["service.filters"] = _region(filter_spans[0], "by the section's name")
        return found

    def _holds(self, span: _Span, name: str) -> bool:
        section = self._image.section(name)
        return section is not None and span[0] <= section.address < span[1]

    def _writable(self) -> list[Section]:
        return [section for section in self._image.sections if section.allocated and section.writable and section.size]

    def _memory(self) -> _Guess:
        """Memories as large as the image makes them."""
        read_only = [_pages_of(self._code)]
        ram = [_pages_of((section.address, section.end)) for section in self._writable()]
        ram += [
            (symbol.address, symbol.address + BY_NAME[field].size)
            for field, symbol in self._pages.items()
            if symbol is not None
        ]
        banks = [("code", "rx", span) for span in _merged(read_only, 0, _BANK_STEP)]
        banks += [("ram", "rw", span) for span in _merged(ram, _BANK_GAP, _BANK_STEP)]
        names = [f"{kind}{number}" if kind == "ram" else kind for number, (kind, _, _) in enumerate(banks)]
        lines = [
            f'{name} = {{ address = {_hex(low)}, size = {_hex(high - low)}, access = "{access}" }}'
            for name, (_, access, (low, high)) in zip(names, banks, strict=True)
        ]
        missing = None in self._pages.values()
        more = "widen them to hold the pages below" if missing else "the hardware has more"
        return _Guess("\n".join(lines), f"as large as the image asks: {more}", doubtful=missing)


def _region(span: _Span, source: str) -> _Guess:
    low, high = span
    return _Guess(f"{{ address = {_hex(low)}, size = {_hex(high - low)} }}", source)


def _merged(spans: Iterable[_Span], gap: int = 0, step: int = 1) -> list[_Span]:
    """Spans in order, widened to multiples of `step`, those together that are not more than `gap` apart."""
    merged: list[_Span] = []
    for low, high in sorted((low // step * step, -(-high // step) * step) for low, high in spans):
        if merged and low <= merged[-1][1] + gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return merged


def _without(spans: Iterable[_Span], taken: Iterable[_Span]) -> list[_Span]:
    """What is left of spans, largest pieces first."""
    left = list(spans)
    for low, high in taken:
        pieces = ((start, min(end, low)) for start, end in left), ((max(start, high), end) for start, end in left)
        left = [(start, end) for part in pieces for start, end in part if start < end]
    return sorted(set(left), key=lambda span: span[0] - span[1])


def _pages_of(span: _Span) -> _Span:
    return span[0] // PAGE_SIZE * PAGE_SIZE, _round_up(span[1])


def _round_up(address: int) -> int:
    return -(-address // PAGE_SIZE) * PAGE_SIZE


def _hex(value: int) -> str:
    """As board files write numbers: the last four digits apart."""
    return f"0x{value >> 16:04X}_{value & 0xFFFF:04X}" if value >> 16 else f"0x{value:X}"


def _text(value: str) -> str:
    """A basic string of TOML."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'
