# SPDX-License-Identifier: GPL-2.0-or-later
"""Guest instructions of the primitives, counted over calls of the C functions: exact and repeatable.

Baselines were counted in the same way, with the same compiler, over the C code of the projects that they name.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from emulator.board_file import find_board
from emulator.calls import Buffer, Calls
from emulator.image import load_image
from emulator.machine import Machine
from harness.analysis.cost import measure_cost
from harness.analysis.workloads import workloads
from harness.bench.figure import Figure

MILLION = 1e6
SIGNATURES = 100

_MLKEM_LIMITS = {"keygen": (0.80, "0.89"), "encaps": (0.90, "0.99"), "decaps": (1.05, "1.21")}
_MLDSA_LIMITS = {"keygen": (3.5, "4.30"), "sign, median of 100": (11.0, "13.4"), "verify": (3.5, "4.21")}
_MLDSA_MEMORY_LIMIT = 72 * 1024


@contextmanager
def _calls(path: Path, board_name: str) -> Iterator[Calls]:
    row = find_board(board_name, path)
    machine = Machine(row, load_image(path, row))
    try:
        yield Calls(machine)
    finally:
        machine.close()


def aes_instructions(path: Path, board_name: str) -> tuple[Figure, ...]:
    """AES-256-GCM, counted over the C functions, key expansion and wiping included."""
    with _calls(path, board_name) as calls:
        long, short = _gcm_instructions(calls, 65536), _gcm_instructions(calls, 16)
    return (
        Figure("AES-256-GCM 64 KiB", long / 65536, "instructions/byte", "BearSSL aes_ct: 285", None, 170),
        Figure("AES-256-GCM 16 bytes with key expansion", short, "instructions", "BearSSL aes_ct: 33047", None, 20_000),
    )


def _gcm_instructions(calls: Calls, size: int) -> int:
    calls.release()
    key, nonce, aad = calls.buffer(bytes(32)), calls.buffer(bytes(12)), calls.buffer(b"")
    text, tag = calls.buffer(bytes(size)), calls.buffer(16)
    words = (key.address, nonce.address, aad.address, 0, text.address, size)
    arguments = calls.buffer(b"".join(word.to_bytes(4, "little") for word in words))
    calls.call("gcm_encrypt", arguments, text, tag)
    return calls.instructions


def mlkem_instructions(path: Path, board_name: str) -> tuple[Figure, ...]:
    """ML-KEM-768: one call of each function."""
    counts = {}
    with _calls(path, board_name) as calls:
        parameters = calls.symbol("mlkem_768")
        ek, dk, ct, ss = (calls.buffer(size) for size in (1184, 2400, 1088, 32))
        calls.call("mlkem_keygen", parameters, bytes(32), bytes([1]) * 32, ek, dk)
        counts["keygen"] = calls.instructions
        calls.call("mlkem_encaps", parameters, ek, bytes([2]) * 32, ct, ss)
        counts["encaps"] = calls.instructions
        calls.call("mlkem_decaps", parameters, dk, ct, ss)
        counts["decaps"] = calls.instructions
    return _against("ML-KEM-768", "mlkem-native C", counts, _MLKEM_LIMITS)


def mldsa_instructions(path: Path, board_name: str) -> tuple[Figure, ...]:
    """ML-DSA-65: key generation, the median over 100 keys and signatures, and verification of the last."""
    counts: dict[str, int] = {}
    signing = []
    with _calls(path, board_name) as calls:
        parameters = calls.symbol("mldsa_65")
        for number in range(SIGNATURES):
            calls.release()
            pk, sk, signature, scratch = (calls.buffer(size) for size in (1952, 4032, 3309, 70_000))
            message = calls.buffer(number.to_bytes(32, "little"))
            calls.call("mldsa_keygen", parameters, bytes([number]) * 32, pk, sk, scratch)
            counts["keygen"] = calls.instructions
            signed: tuple[int | bytes | Buffer, ...] = (b"", 0, message, 32)
            calls.call("mldsa_sign", parameters, sk, *signed, bytes([number + 1]) * 32, signature, scratch)
            signing.append(calls.instructions)
            calls.call("mldsa_verify", parameters, pk, *signed, signature, 3309, scratch)
            counts["verify"] = calls.instructions
    counts["sign, median of 100"] = int(statistics.median(signing))
    return _against("ML-DSA-65", "PQClean", counts, _MLDSA_LIMITS)


def mldsa_memory(path: Path, board_name: str) -> Figure:
    """Signing with ML-DSA-65 through the window: deepest stack plus the static working memory."""
    load = next(w for w in workloads() if w.command.name == "MLDSA_SIGN" and w.parameter_set == "ML-DSA-65")
    row = measure_cost({"release": path}, board_name, 2, loads=[load])[0]
    scratch = load_image(path, find_board(board_name, path)).symbols["mldsa_working_memory"].size
    return Figure(
        "ML-DSA-65 signing, stack and scratch",
        row.stack_bytes + scratch,
        "bytes",
        "PQClean: 78 KiB of stack",
        None,
        _MLDSA_MEMORY_LIMIT,
    )


def _against(
    scheme: str, peer: str, counts: Mapping[str, int], limits: Mapping[str, tuple[float, str]]
) -> tuple[Figure, ...]:
    """A figure for each operation, in millions, beside what the peer's C needs."""
    return tuple(
        Figure(f"{scheme} {name}", counts[name] / MILLION, "million instructions", f"{peer}: {theirs}", None, limit)
        for name, (limit, theirs) in limits.items()
    )
