# SPDX-License-Identifier: GPL-2.0-or-later
"""SHA-3 and SHAKE: response files of every sort, their answers by hashlib."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.vectors import Kind, VectorError, load
from harness.vectors.primitives.sha3 import (
    HashCase,
    HashExecutor,
    HashMonteCarloCase,
    HashMonteCarloExecutor,
    XofCase,
    XofExecutor,
    XofMonteCarloCase,
    XofMonteCarloExecutor,
)
from harness.vectors.routes import Bench, CaseFailed

Write = Callable[..., Path]

SHAKE_HEADER = '#  "SHAKE128 ShortMsg" information for "test"\n\n'
LIMITS = "[Minimum Output Length (bits) = 125]\n\n[Maximum Output Length (bits) = 200]\n\n"


def hashes(bits: int = 256) -> str:
    records = "".join(
        f"Len = {8 * size}\nMsg = {bytes(size).hex() or '00'}\n"
        f"MD = {hashlib.new(f'sha3_{bits}', bytes(size)).hexdigest()}\n\n"
        for size in (0, 1, 200)
    )
    return f"# made for a test\n\n[L = {bits}]\n\n{records}"


def chain(rounds: int = 2) -> tuple[str, list[bytes]]:
    digests = [bytes(range(32))]
    for _ in range(rounds):
        digest = digests[-1]
        for _ in range(1000):
            digest = hashlib.sha3_256(digest).digest()
        digests.append(digest)
    records = "".join(f"COUNT = {i}\nMD = {digest.hex()}\n\n" for i, digest in enumerate(digests[1:]))
    return f"[L = 256]\n\nSeed = {digests[0].hex()}\n\n{records}", digests


def xof_chain() -> str:
    """Two rounds; lengths are drawn from 16 to 25 bytes."""
    output, length, records = bytes(range(16)), 25, ""
    for count in range(2):
        for _ in range(1000):
            output = hashlib.shake_128(output[:16]).digest(length)
            used, length = length, 16 + int.from_bytes(output[-2:]) % 10
        records += f"COUNT = {count}\nOutputlen = {8 * used}\nOutput = {output.hex()}\n\n"
    return f"{SHAKE_HEADER}{LIMITS}Msg = {bytes(range(16)).hex()}\n\n{records}"


def test_messages_and_digests(write: Write, bench: Bench) -> None:
    file = load(write(hashes()))
    assert (file.kind, file.algorithm) == (Kind.CAVP, "SHA3-256")
    assert [case.name for case in file.cases] == ["line 5", "line 9", "line 13"]
    for case in file.cases:
        assert isinstance(case, HashCase)
        bench.functions.begin()
        HashExecutor().run_function(case, bench.functions)
        bench.functions.begin()
        with pytest.raises(CaseFailed, match="digest: "):
            HashExecutor().run_function(HashCase("", "SHA3-256", b"other", 40, case.digest), bench.functions)


def test_a_chain_of_digests(write: Write, bench: Bench) -> None:
    text, digests = chain()
    cases = load(write(text)).cases
    assert cases == tuple(
        HashMonteCarloCase(f"line {5 + 3 * i}", "SHA3-256", digests[i], digests[i + 1]) for i in range(2)
    )
    bench.functions.begin()
    HashMonteCarloExecutor().run_function(HashMonteCarloCase("", "SHA3-256", *digests[1:]), bench.functions)
    bench.functions.begin()
    with pytest.raises(CaseFailed, match="digest: "):
        HashMonteCarloExecutor().run_function(HashMonteCarloCase("", "SHA3-256", *digests[:0:-1]), bench.functions)


def test_shake_of_one_length(write: Write) -> None:
    output = hashlib.shake_128(b"\1\2").hexdigest(16)
    file = load(write(f"{SHAKE_HEADER}[Outputlen = 128]\n\nLen = 16\nMsg = 0102\nOutput = {output}\n"))
    assert file.algorithm == "SHAKE128"
    assert file.cases == (XofCase("line 5", "SHAKE128", b"\1\2", 16, bytes.fromhex(output), 128),)


def test_shake_of_many_lengths(write: Write) -> None:
    start = f"{SHAKE_HEADER}[Tested for Output of bit-oriented messages]\n[Input Length = 16]\n{LIMITS}"
    file = load(write(f"{start}COUNT = 0\nOutputlen = 125\nMsg = 0102\nOutput = {bytes(16).hex()}\n"))
    (case,) = file.cases
    assert case == XofCase("line 9", "SHAKE128", b"\1\2", 16, bytes(16), 125)
    assert XofExecutor().refusal(case) == "messages and outputs that end within a byte"
    with pytest.raises(VectorError, match="line 9: Output has 128 bits where 136 are stated"):
        load(write(f"{start}COUNT = 0\nOutputlen = 130\nMsg = 0102\nOutput = {bytes(16).hex()}\n"))


def test_a_chain_of_outputs(write: Write) -> None:
    first, second = load(write(xof_chain())).cases
    assert isinstance(first, XofMonteCarloCase)
    assert isinstance(second, XofMonteCarloCase)
    assert (first.seed, first.length, first.shortest, first.longest) == (bytes(range(16)), 25, 16, 25)
    assert (second.seed, second.length) == (first.output, 16 + int.from_bytes(first.output[-2:]) % 10)


def test_the_functions_give_shakes(write: Write, bench: Bench) -> None:
    """Against hashlib, over the borders of the rate, absorbed and squeezed in parts."""
    _require_shake(bench)
    for algorithm, function in (("SHAKE128", hashlib.shake_128), ("SHAKE256", hashlib.shake_256)):
        for size in (0, 1, 135, 136, 137, 167, 168, 169, 600):
            message, length = bytes(i & 0xFF for i in range(size)), size + 1
            output = function(message).digest(length)
            bench.functions.begin()
            case = XofCase("", algorithm, message, 8 * size, output, 8 * length)
            XofExecutor().run_function(case, bench.functions)
            bench.functions.begin()
            with pytest.raises(CaseFailed, match="output: "):
                XofExecutor().run_function(
                    XofCase("", algorithm, message + b"x", 8 * length, output, 8), bench.functions
                )
    for link in load(write(xof_chain())).cases:
        assert isinstance(link, XofMonteCarloCase)
        XofMonteCarloExecutor().run_function(link, bench.functions)


def _require_shake(bench: Bench) -> None:
    if not bench.has_function("shake_squeeze"):
        pytest.skip("the image has no SHAKE functions: name them in ENTRIES of firmware/Makefile")


@pytest.mark.parametrize("algorithm", ["SHA3-224", "SHA3-384"])
def test_digests_that_the_service_does_not_use(algorithm: str, write: Write) -> None:
    (case, *_) = load(write(hashes(int(algorithm[-3:])))).cases
    assert isinstance(case, HashCase)
    assert HashExecutor().refusal(case).startswith(f"{algorithm}: the service uses")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (hashes().replace("256]", "32]"), r"\[L = 32\] is no digest length of SHA-3"),
        (hashes() + hashes().replace("256", "512"), "line 19: digest lengths differ"),
        (hashes().replace("Len = 8\n", "Len = 9\n"), "line 9: Msg has 8 bits where 16 are stated"),
        (hashes().replace("Len = 8\n", "Len = 0\n"), "line 9: Len does not grow"),
        (hashes()[:-60], "line 13: (MD has|MD is no hexadecimal)"),
        (hashes().replace("MD", "Output"), "line 5: a record of Len, Msg, Output, expected Len, Msg, MD"),
        (hashes().replace("[L = 256]", "[L = 256]\n[M = 1]"), "unknown parameter 'M'"),
        ("[L = 256]\nSeed = 00\n", "no record follows the start of the chain"),
        (chain(1)[0].replace("Seed = 00", "Seed = "), "Seed has 248 bits where 256 are stated"),
        (chain(2)[0].replace("COUNT = 1", "COUNT = 2"), "COUNT is 2, expected 1"),
        ("[Outputlen = 128]\nLen = 0\nMsg = 00\nOutput = 00\n", "no comment says whether this is SHAKE128"),
        ("# SHAKE128 SHAKE256\n[Outputlen = 8]\nLen = 0\nMsg = 00\nOutput = 00\n", "no comment says whether"),
        (f"{SHAKE_HEADER}[Outputlen = 8]\nLen = 0\nMsg = 00\nOutput = 0000\n", "Output has 16 bits where 8"),
        (
            f"{SHAKE_HEADER}{LIMITS}COUNT = 0\nOutputlen = 8\nMsg = 00\nOutput = 00\n",
            "lacks the parameter Input Length",
        ),
        (xof_chain().replace("= 125", "= 225"), "leave no length to draw"),
        (xof_chain().replace("Outputlen", "Len"), "a record of COUNT, Len, Output, expected"),
    ],
)
def test_damaged_files(text: str, error: str, write: Write) -> None:
    with pytest.raises(VectorError, match=error):
        load(write(text))
