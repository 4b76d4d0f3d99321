# SPDX-License-Identifier: GPL-2.0-or-later
"""Secrets that stay behind (SEC-1): where memory and registers hold what was in play.

Searched are the stack with its dead part, the variables, the bulk buffers, the entropy page, and the window beyond the
present response. Not searched are the nonce filters, which hold no secret, and the request area, which is the client's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from emulator.board import Region
from emulator.search import Needles
from harness.analysis.error import AnalysisError
from harness.model.secrets import PLACES, Place, Secret
from harness.protocol import commands as table
from harness.targets.emulated import EmulatedTarget

# The variables of this project's firmware that SEC-1 lets it keep; another firmware names its own.
KEPT: Mapping[Place, tuple[str, ...]] = {
    "key cache": ("cached_keys",),
    "generator": ("generator",),
    "hash key": ("nonce_hash_key",),
}

_GENERAL_REGISTERS = (*(f"r{i}" for i in range(13)), "lr")
_TELLING = 3  # distinct bytes of a register's value: fewer are in every plaintext

_TAGS: Mapping[Place, int] = {place: 1 << i for i, place in enumerate(PLACES)}

_WINDOW_HEAD = table.WINDOW_RESPONSE_DOORBELL + 4


@dataclass(frozen=True, slots=True)
class Hit:
    """A secret at an address, or in a register: then `address` is None. `where` names the place."""

    secret: str
    where: str
    owner: str
    address: int | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """A searched range of the guest's memory; `passed` are the tags of the secrets that may be in it."""

    name: str
    base: int
    memory: memoryview
    passed: int = 0


class ResidueSearch:
    """Searches one target. `kept` names the variables that may hold secrets, by what they are.

    Raises AnalysisError for a place that does not exist.
    """

    def __init__(self, target: EmulatedTarget, kept: Mapping[Place, Sequence[str]] = KEPT) -> None:
        for place in kept:
            if place not in PLACES:
                raise AnalysisError(f"{place!r} is no place for a secret; use one of: {', '.join(PLACES)}")
        self._target = target
        self._machine = target.machine
        kept_ranges = sorted(
            (symbol.address, symbol.address + symbol.size, _TAGS[place])
            for place, names in kept.items()
            for symbol in target.image.all_symbols
            if symbol.kind == "object" and symbol.name in names
        )
        board = target.board
        regions = ((region.name, region.base, region.end) for region in (board.stack, board.entropy_page))
        used = (self._used(region) for region in board.service.variables)
        self._parts = [part for where in (*regions, *used) for part in self._split(*where, kept_ranges)]
        self._window = self._machine.view(board.window.base, board.window.size)
        self._regions = [(region.base, region.end) for region in board.regions]
        self._last: tuple[Secret, ...] = ()
        self._needles = Needles(())

    def _used(self, region: Region) -> tuple[str, int, int]:
        """What the image's sections take of a region."""
        sections = self._target.image.sections
        end = max((s.end for s in sections if s.allocated and region.contains(s.address)), default=region.base)
        return region.name, region.base, end

    def _split(self, name: str, begin: int, end: int, kept: Sequence[tuple[int, int, int]]) -> Iterable[_Part]:
        """A range in the parts that kept variables cut it into."""
        for first, last, tag in kept:
            if begin <= first < last <= end:
                yield from (self._part(name, begin, first), self._part(name, first, last, tag))
                begin = last
        yield self._part(name, begin, end)

    def _part(self, name: str, begin: int, end: int, passed: int = 0) -> _Part:
        # A secret that begins in front of the end of a part is looked for up to there alone: parts overlap nowhere.
        return _Part(name, begin, self._machine.view(begin, end - begin), passed)

    def search(self, secrets: tuple[Secret, ...]) -> list[Hit]:
        """Where a secret is that must not be there. The machine idles behind its response."""
        if secrets != self._last:
            self._last = secrets
            tags = [sum(_TAGS[place] for place in secret.places) for secret in secrets]
            self._needles = Needles([secret.value for secret in secrets], tags)
        hits = []
        for part in (*self._parts, *self._slack()):
            for match in self._needles.search(part.memory, part.passed):
                address = part.base + match.offset
                hits.append(Hit(secrets[match.needle].name, *self._describe(part.name, address), address))
        return hits + self._registers(secrets)

    def _slack(self) -> Iterable[_Part]:
        """The window without request and response: what is behind the doorbells, and behind the response."""
        base = self._target.board.window.base
        begin = table.WINDOW_RESPONSE + table.HEADER_SIZE
        length = int.from_bytes(self._window[begin - 4 : begin], "little")
        begin += min(length, table.MAX_PAYLOAD)
        yield _Part("window", base + _WINDOW_HEAD, self._window[_WINDOW_HEAD : table.WINDOW_REQUEST])
        yield _Part("window", base + begin, self._window[begin:])

    def _describe(self, part: str, address: int) -> tuple[str, str]:
        """Where an address is, and what owns it."""
        if part == "window":
            return f"window at offset {address - self._target.board.window.base:#x}", "window"
        if part == "stack":
            depth = self._machine.cpu.registers().sp - address
            if depth > 0:
                return f"dead stack, {depth} bytes below the stack pointer ({address:#010x})", "dead stack"
            return f"stack, in a frame in use ({address:#010x})", "stack"
        symbol = self._machine.symbols.data_symbol_at(address)
        name = symbol.symbol.name if symbol else part
        return f"{symbol or part} ({address:#010x})", name

    def _registers(self, secrets: tuple[Secret, ...]) -> list[Hit]:
        values = self._machine.cpu.general_registers()
        hits = []
        for name, value in zip(_GENERAL_REGISTERS, values, strict=False):
            word = value.to_bytes(4, "little")
            if len(set(word)) >= _TELLING and not self._is_address(value):
                hits += [Hit(s.name, f"register {name}", f"register {name}") for s in secrets if word in s.value]
        return hits

    def _is_address(self, value: int) -> bool:
        return any(base <= value < end for base, end in self._regions)
