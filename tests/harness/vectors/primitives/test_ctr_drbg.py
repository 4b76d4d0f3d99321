# SPDX-License-Identifier: GPL-2.0-or-later
"""CTR_DRBG: response files of the three sorts, their answers by the model's generator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.model.drbg import CtrDrbg
from harness.vectors import Kind, VectorError, load
from harness.vectors.primitives.ctr_drbg import CtrDrbgCase, CtrDrbgExecutor
from harness.vectors.routes import Bench, CaseFailed

Write = Callable[..., Path]

ENTROPY = bytes(range(48))


def returned() -> bytes:
    generator = CtrDrbg(ENTROPY)
    generator.generate(64)
    return generator.generate(64)


def text(mechanism: str = "AES-256 no df", resistance: str = "False", between: str = "", extra: int = 0) -> str:
    addition = f"AdditionalInput = {bytes(extra).hex()}\n"
    calls = between.replace("AdditionalInput = \n", addition) if between else addition * 2
    return (
        f"# made for a test\n[{mechanism}]\n[PredictionResistance = {resistance}]\n[EntropyInputLen = 384]\n"
        f"[NonceLen = 0]\n[PersonalizationStringLen = {8 * extra}]\n[AdditionalInputLen = {8 * extra}]\n"
        f"[ReturnedBitsLen = 512]\n\nCOUNT = 0\nEntropyInput = {ENTROPY.hex()}\nNonce = \n"
        f"PersonalizationString = {bytes(extra).hex()}\n{calls}ReturnedBits = {returned().hex()}\n"
    )


RESEED = f"EntropyInputReseed = {ENTROPY.hex()}\nAdditionalInputReseed = \nAdditionalInput = \nAdditionalInput = \n"
RESISTANT = f"AdditionalInput = \nEntropyInputPR = {ENTROPY.hex()}\n" * 2


def only(path: Path) -> CtrDrbgCase:
    (case,) = load(path).cases
    assert isinstance(case, CtrDrbgCase)
    return case


def test_two_calls_and_the_second_counts(write: Write, bench: Bench) -> None:
    path = write(text())
    assert (load(path).kind, load(path).algorithm) == (Kind.CAVP, "CTR_DRBG")
    case = only(path)
    assert case == CtrDrbgCase("line 10", "AES-256 no df", ENTROPY, b"", b"", False, returned())
    executor = CtrDrbgExecutor()
    assert executor.refusal(case) == ""
    bench.functions.begin()
    executor.run_function(case, bench.functions)
    bench.functions.begin()
    with pytest.raises(CaseFailed, match="returned bits: "):
        executor.run_function(CtrDrbgCase("", "", ENTROPY, b"", b"", False, bytes(64)), bench.functions)
    bench.functions.begin()
    with pytest.raises(CaseFailed, match="ctr_drbg_generate refused the call"):
        executor.run_function(CtrDrbgCase("", "", ENTROPY, b"", b"", False, bytes((1 << 16) + 1)), bench.functions)


def test_what_the_service_does_not_offer(write: Write) -> None:
    for content, reason in (
        (text("AES-256 use df"), "CTR_DRBG other than AES-256 no df"),
        (text("3KeyTDEA no df"), "CTR_DRBG other than AES-256 no df"),
        (text(between=RESEED), "reseeding of the generator"),
        (text(resistance="True", between=RESISTANT), "reseeding of the generator"),
        (text(extra=48), "personalisation or additional input of the generator"),
    ):
        assert CtrDrbgExecutor().refusal(only(write(content))) == reason


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (text().replace("[AES-256 no df]\n", ""), "line 2: the section names no mechanism of CTR_DRBG"),
        (text("SHA-256"), "the section names no mechanism of CTR_DRBG"),
        (text(resistance="Maybe"), "PredictionResistance is neither True nor False"),
        (text().replace("[NonceLen = 0]\n", ""), "lacks the parameter NonceLen"),
        (text().replace("[NonceLen = 0]", "[NonceLen = 8]"), "line 10: Nonce has 0 bits where 8 are stated"),
        (text().replace("COUNT = 0", "COUNT = 1"), "COUNT is 1, expected 0"),
        (text(resistance="True"), "line 10: a record of COUNT, EntropyInput, .* expected"),
        (text(between=RESISTANT), "line 10: a record of COUNT, EntropyInput, .* expected"),
        (text()[:-20], "ReturnedBits (has|is no)"),
    ],
)
def test_damaged_files(content: str, error: str, write: Write) -> None:
    with pytest.raises(VectorError, match=error):
        load(write(content))
