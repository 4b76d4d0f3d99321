# SPDX-License-Identifier: GPL-2.0-or-later
"""The mutator as afl-fuzz loads it: a library, in a process that has no executor."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.fuzz import script
from harness.fuzz.engine import LAST_RUN_SIZE
from harness.fuzz.native import _engine
from harness.fuzz.seeds import counted_fields, grammar

SNIPPET = script.encode([*script.literal(b"a snippet that is known again"), script.send(1)])
INPUT = script.encode([script.clock(1), script.send(2), script.clock(3), script.send(4)])
MAX = 96
MASK = (1 << 64) - 1

# Prints an output a line.
PROGRAM = """
import ctypes, sys
library, text, limit, seed = ctypes.CDLL(sys.argv[1]), bytes.fromhex(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
library.afl_custom_init.restype = ctypes.c_void_p
library.afl_custom_fuzz.restype = ctypes.c_size_t
state, out = ctypes.c_void_p(library.afl_custom_init(None, seed)), ctypes.POINTER(ctypes.c_uint8)()
for _ in range(300):
    size = library.afl_custom_fuzz(
        state, text, ctypes.c_size_t(len(text)), ctypes.byref(out), None, ctypes.c_size_t(0), ctypes.c_size_t(limit)
    )
    print(bytes(out[:size]).hex())
library.afl_custom_deinit(state)
"""


def outputs(
    grammar: Path | None, seed: int = 1, limit: int = MAX, text: bytes = INPUT, compares: Path | None = None
) -> list[bytes]:
    named = {"HIL_FUZZ_GRAMMAR": grammar, "HIL_FUZZ_LAST_RUN": compares}
    environment = os.environ | {name: str(path) for name, path in named.items() if path}
    line = [sys.executable, "-c", PROGRAM, str(_engine.__file__), text.hex(), str(limit), str(seed)]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [bytes.fromhex(text) for text in done.stdout.splitlines()]


def file_of(path: Path, *snippets: bytes) -> Path:
    """A grammar of these snippets and of the counted fields of the protocol."""
    whole = grammar()
    begin = 4 + 3 * len(counted_fields())
    path.write_bytes(whole[:begin] + b"".join(len(text).to_bytes(4, "little") + text for text in snippets))
    return path


def digest(text: bytes) -> int:
    """As the engine tells inputs apart: FNV-1a by words of eight bytes."""
    h = 0xCBF29CE484222325 ^ len(text)
    whole = len(text) // 8 * 8
    for at in range(0, whole, 8):
        h = (h ^ int.from_bytes(text[at : at + 8], "little")) * 0x100000001B3 & MASK
        h ^= h >> 29
    for byte in text[whole:]:
        h = (h ^ byte) * 0x100000001B3 & MASK
    return h ^ h >> 32


def last_run(
    path: Path, text: bytes, *compares: tuple[int, int, int], requests: Sequence[tuple[int, bytes]] = ()
) -> Path:
    """The file through which a target tells of its last input: what it compared (place, left, right), and requests.

    A request is the place of the step that sent it, and its payload.
    """
    head = struct.pack("<QIII", digest(text), len(compares), len(requests), 0)
    compared = b"".join(struct.pack("<IIIII", *one, 0, 0) for one in compares)
    asked = b"".join(struct.pack("<II", step, len(payload)) + payload.ljust(512, b"\0") for step, payload in requests)
    path.write_bytes((head + compared.ljust(4096 * 20, b"\0") + asked).ljust(LAST_RUN_SIZE, b"\0"))
    return path


def test_puts_snippets_in_and_changes_steps(tmp_path: Path) -> None:
    made = outputs(file_of(tmp_path / "snippets", SNIPPET))
    assert any(SNIPPET in output for output in made)
    assert len(set(made)) > 100
    assert all(len(output) <= MAX for output in made)
    steps = {len(list(script.decode(output))) for output in made}
    assert {3, 4, 5} <= steps


def test_the_seed_decides(tmp_path: Path) -> None:
    snippets = file_of(tmp_path / "snippets", SNIPPET)
    assert outputs(snippets) == outputs(snippets)
    assert outputs(snippets) != outputs(snippets, seed=2)


def test_works_without_snippets_and_with_a_file_that_is_cut_short(tmp_path: Path) -> None:
    assert len(set(outputs(None))) > 50
    cut = file_of(tmp_path / "cut", SNIPPET, SNIPPET)
    cut.write_bytes(cut.read_bytes()[:-1])
    assert any(SNIPPET in output for output in outputs(cut))
    assert len(set(outputs(tmp_path / "missing"))) > 50
    for size in (0, 3, 4, 9):
        cut.write_bytes(file_of(tmp_path / "whole", SNIPPET).read_bytes()[:size])
        assert len(set(outputs(cut))) > 50


def test_an_input_that_is_too_long_makes_nothing() -> None:
    assert set(outputs(None, limit=len(INPUT) - 1)) == {b""}


def test_an_input_goes_out_once_as_it_is_for_the_sake_of_its_compares() -> None:
    made = outputs(None)
    assert made[0] == INPUT
    assert made[1:].count(INPUT) < 100


def test_what_the_target_compared_is_used(tmp_path: Path) -> None:
    text = script.encode([*script.literal(b"before AAAA behind"), script.send(1)])
    compared = (0x1000, int.from_bytes(b"AAAA", "little"), int.from_bytes(b"LOCK", "little"))
    told = outputs(None, text=text, compares=last_run(tmp_path / "compares", text, compared))
    assert told[0] != text  # its compares are known
    assert sum(b"before LOCK behind" in output for output in told) > 20
    of_another = outputs(None, text=text, compares=last_run(tmp_path / "others", text + b"?", compared))
    assert not any(b"LOCK" in output for output in of_another)


def test_a_file_of_compares_that_is_none_is_not_used(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_bytes(bytes(LAST_RUN_SIZE - 1))
    assert len(set(outputs(None, compares=short))) > 50
    many = last_run(tmp_path / "many", INPUT)
    for compares, requests, length in ((1 << 30, 0, 0), (1, 1 << 30, 0), (1, 1, 1 << 30)):
        head = struct.pack("<QIII", digest(INPUT), compares, requests, 0) + bytes(4096 * 20)
        many.write_bytes((head + struct.pack("<II", 0, length)).ljust(LAST_RUN_SIZE, b"\0"))
        assert len(set(outputs(None, compares=many))) > 50


def test_what_the_input_does_not_hold_is_changed_in_the_request(tmp_path: Path) -> None:
    text = script.encode([script.clock(1), script.fill(4, 0x41), script.send(1)])
    send = text.rindex(script.encode([script.send(1)]))
    compared = (0x1000, int.from_bytes(b"AAAA", "little"), int.from_bytes(b"LAAK", "little"))
    told = last_run(tmp_path / "run", text, compared, requests=[(send, b"AAAA")])
    flips = script.encode([script.flip(0, ord("A") ^ ord("L")), script.flip(3, ord("A") ^ ord("K"))])
    assert sum(text[:send] + flips + text[send:] in output for output in outputs(None, text=text, compares=told)) > 10
