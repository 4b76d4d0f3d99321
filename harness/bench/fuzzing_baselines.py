# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bench's fuzzing is held against: a Unicorn fuzzer with its hook in Python, and the native build.

Both send the same requests: refused ones (a bad magic and an unknown type in turn, 64 bytes of payload behind the
header, which nobody reads) and AES_ENCRYPT of 64 bytes. No request meets the rate limiter.
"""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import unicorn
from unicorn import arm_const

from emulator.board import Board
from emulator.board_file import find_board
from emulator.image import load_image
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.codec import RawRequest
from harness.protocol.key_image import KeyImage
from harness.targets.base import TargetError

TEXT_SIZE: Final = 64
KEY_ID: Final = 1
ENTROPY: Final = bytes(range(1, 1 + table.ENTROPY_SIZE))
KEYS: Final = KeyImage((key_image.aes_slot(KEY_ID, bytes(range(32))),)).build()

REFUSED: Final = (
    RawRequest(0x01, bytes(TEXT_SIZE), magic=0x00).encode(),
    RawRequest(0x7F, bytes(TEXT_SIZE)).encode(),
)
AES_64: Final = (codec.aes_encrypt(KEY_ID, b"", bytes(TEXT_SIZE)),)

_PAGE: Final = 4096
_MAP_SIZE: Final = 1 << 13  # as many counters as the other fuzzers have
_BOOT_INSTRUCTIONS: Final = 10_000_000
_KERNEL_PAGE = struct.Struct("<IIQ")
_DOORBELLS = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class FuzzingRate:
    """What a fuzzer did: executions, the seconds that they took, and how many edges or features it has seen."""

    executions: int
    seconds: float
    edges: int

    @property
    def per_second(self) -> float:
        """Executions a second."""
        return self.executions / self.seconds


# ---- Unicorn, with the hook in Python ----


class PythonHookFuzzer:
    """The release ELF on a plain engine, as a few lines of Python make a fuzzer of it.

    A block hook in Python fills an edge map; before each execution registers and memory are copied back. The
    straightforward fuzzer copies all memory that the service may write. A `sparing` one has been told what a request
    leaves changed (stack, variables, doorbells, response header; the service wipes the large buffers itself), which is
    as little as can be copied.
    """

    def __init__(self, path: Path, board_name: str, sparing: bool = False) -> None:
        row = find_board(board_name, path)
        self._window = row.window.base
        self._never = row.code.end - 2
        self._engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        self._engine.ctl_set_cpu_model(arm_const.UC_CPU_ARM_CORTEX_M4)
        image = load_image(path, row)
        self._load(row, [(segment.load_address, segment.data) for segment in image.segments])
        self._boot(row.code.base)
        if sparing:
            variables = [section for name in (".data", ".bss") if (section := image.section(name)) is not None]
            ranges = [(section.address, section.size) for section in variables if section.size > 0]
            ranges += [(row.stack.base, row.stack.size), (self._window, 8)]
            ranges += [(self._window + table.WINDOW_RESPONSE, _PAGE)]
        else:
            ranges = [(region.base, region.size) for region in (*row.service.image_ram, row.window)]
        self._saved = [(address, bytes(self._engine.mem_read(address, size))) for address, size in ranges]
        self._context = self._engine.context_save()
        self._pc = self._engine.reg_read(arm_const.UC_ARM_REG_PC)
        self._edges = bytearray(_MAP_SIZE)
        self._seen = bytearray(_MAP_SIZE)
        self._previous = 0
        self._engine.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)

    def _load(self, row: Board, segments: Sequence[tuple[int, bytes]]) -> None:
        for bank in (*row.banks, *row.peripherals):
            self._engine.mem_map(bank.base, bank.size)
        kernel_page = _KERNEL_PAGE.pack(table.KERNEL_PAGE_MAGIC, table.KERNEL_PAGE_VERSION, 0)
        pages = ((row.kernel_page, kernel_page), (row.entropy_page, ENTROPY), (row.key_storage, KEYS))
        for address, content in (*segments, *((page.base, content) for page, content in pages)):
            self._engine.mem_write(address, content)

    def _boot(self, vectors: int) -> None:
        """From the reset vector to the first WFI."""
        stack, reset = struct.unpack("<II", self._engine.mem_read(vectors, 8))
        self._engine.reg_write(arm_const.UC_ARM_REG_SP, stack)
        self._engine.emu_start(reset | 1, self._never, count=_BOOT_INSTRUCTIONS)

    def _on_block(self, engine: Any, address: int, size: int, user: object) -> None:
        place = address >> 1
        index = (place ^ self._previous) & (_MAP_SIZE - 1)
        self._edges[index] = (self._edges[index] + 1) & 0xFF
        self._previous = place >> 1

    def execute(self, request: bytes) -> bool:
        """One execution from the state behind boot; whether it has shown an edge that none before has."""
        engine, edges = self._engine, self._edges
        for address, content in self._saved:
            engine.mem_write(address, content)
        engine.context_restore(self._context)
        edges[:] = bytes(_MAP_SIZE)
        self._previous = 0
        engine.mem_write(self._window + table.WINDOW_REQUEST, request)
        engine.mem_write(self._window + table.WINDOW_REQUEST_DOORBELL, b"\1\0\0\0")
        engine.emu_start(self._pc | 1, self._never)
        known = int.from_bytes(self._seen, "little")
        both = known | int.from_bytes(edges, "little")
        if both == known:
            return False
        self._seen[:] = both.to_bytes(_MAP_SIZE, "little")
        return True

    @property
    def response(self) -> bytes:
        """The last response, header and payload. Raises TargetError when there is none."""
        rung, answered = _DOORBELLS.unpack(self._engine.mem_read(self._window, _DOORBELLS.size))
        if rung != answered:
            raise TargetError(f"the service has not answered: doorbells {rung} and {answered}")
        area = bytes(self._engine.mem_read(self._window + table.WINDOW_RESPONSE, table.AREA_SIZE))
        return area[: table.HEADER_SIZE + int.from_bytes(area[4 : table.HEADER_SIZE], "little")]

    @property
    def edges(self) -> int:
        """Counters of the map that were ever other than zero."""
        return _MAP_SIZE - self._seen.count(0)


def python_hook_rate(path: Path, board_name: str, requests: Sequence[bytes], executions: int) -> FuzzingRate:
    """The requests in turn on a PythonHookFuzzer; translation of the code is not part of the time.

    Raises TargetError when a request is not answered.
    """
    fuzzer = PythonHookFuzzer(path, board_name)
    for request in requests:
        fuzzer.execute(request)
        _ = fuzzer.response
    turn = cycle(requests)
    begin = time.perf_counter()
    for _ in range(executions):
        fuzzer.execute(next(turn))
    return FuzzingRate(executions, time.perf_counter() - begin, fuzzer.edges)


# ---- the native build under libFuzzer ----

_FEATURES = re.compile(r"\bft: (\d+)")
_EXECUTED = re.compile(r"^stat::number_of_executed_units:\s+(\d+)$", re.MULTILINE)
_SECONDS = re.compile(r"^Done \d+ runs in (\d+) second", re.MULTILINE)


def native_libfuzzer_rate(library: Path, requests: Sequence[bytes], seconds: int) -> FuzzingRate:
    """The library of `make -C firmware native HOST_COVERAGE=1`, inputs in the place of each request's last 64 bytes.

    Coverage and compare feedback are on. The clock moves on by one token's time, and nothing of the service's state is
    put back. libFuzzer runs in a child process, which its driver ends; `seconds` is about how long. Raises TargetError
    when that fails.
    """
    command = [sys.executable, "-m", "harness.bench.native_fuzzer", str(library), str(seconds)]
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.run(
            [*command, *(request.hex() for request in requests)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=60 + 10 * seconds,
        )
    executed, took = _EXECUTED.search(child.stderr), _SECONDS.search(child.stderr)
    if child.returncode != 0 or executed is None or took is None:
        last = child.stderr.strip().splitlines()[-1:] or [f"exit status {child.returncode}"]
        raise TargetError(f"{library}: libFuzzer did not run to its end: {last[0]}")
    features = [int(number) for number in _FEATURES.findall(child.stderr)]
    return FuzzingRate(int(executed[1]), float(took[1]), max(features, default=0))
