# SPDX-License-Identifier: GPL-2.0-or-later
"""The expected values of the known-answer tests are whole, fit the firmware's rows, and are what is checked in."""

from __future__ import annotations

import shutil
from hashlib import sha3_256, shake_256
from pathlib import Path

import pytest

from harness import self_test_vectors as vectors
from harness.model import mldsa_signer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / vectors.HEADER).parent.mkdir(parents=True)
    shutil.copy(ROOT / vectors.HEADER, tmp_path / vectors.HEADER)
    return tmp_path


def test_the_header_is_not_stale() -> None:
    assert vectors.stale(ROOT) == []


def test_every_primitive_has_its_answers() -> None:
    names = set(vectors.answers())
    assert {"AES256_BLOCK", "GCM_ENCRYPT", "GCM_DECRYPT", "GCM_REJECT", "SIPHASH", "CTR_DRBG"} <= names
    assert {"SHA3_256", "SHA3_512", "SHAKE128", "SHAKE256"} <= names
    for algorithm, sets, steps in (
        ("MLKEM", (512, 768, 1024), ("KEYGEN", "ENCAPS", "DECAPS", "REJECT")),
        ("MLDSA", (44, 65, 87), ("KEYGEN", "SIGN", "VERIFY", "REJECT")),
    ):
        assert {f"{algorithm}_{number}_{step}" for number in sets for step in steps} <= names
    assert len(names) == 34


def test_hashes_are_whole_and_hashes_of_what_they_say() -> None:
    found = vectors.answers()
    assert found["SHA3_256"] == sha3_256(bytes(range(200))).digest()
    assert found["SHAKE256"] == shake_256(bytes(range(200))).digest(200)[168:]
    assert all(0 < len(value) <= vectors.ANSWER_MAX for value in found.values())


def test_siphash_is_the_published_value() -> None:
    """The last of vectors_sip128 of the reference implementation: key 00 to 0f, data 00 to 3e."""
    assert vectors.answers()["SIPHASH"].hex() == "5150d1772f50834a503e069a973fbd7c"


def test_verdicts_tell_good_from_bad() -> None:
    found = vectors.answers()
    for number in (44, 65, 87):
        assert (found[f"MLDSA_{number}_VERIFY"], found[f"MLDSA_{number}_REJECT"]) == (b"\x01", b"\x00")
    for number in (512, 768, 1024):
        assert found[f"MLKEM_{number}_DECAPS"] == found[f"MLKEM_{number}_ENCAPS"][:32]
        assert found[f"MLKEM_{number}_REJECT"] != found[f"MLKEM_{number}_DECAPS"]


@pytest.mark.parametrize("parameter_set", [44, 65, 87])
def test_signing_rejects_once(parameter_set: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the loop is in the test, at the least cost: the second attempt succeeds."""
    made = []
    attempt = mldsa_signer._attempt

    def counted(*arguments: object) -> bytes | None:
        made.append(attempt(*arguments))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(mldsa_signer, "_attempt", counted)
    seed, context, message = (vectors.INPUTS[f"MLDSA_{name}"].bytes for name in ("SEED", "CONTEXT", "MESSAGE"))
    key = mldsa_signer.expand_key(parameter_set, seed)
    mldsa_signer.sign(key, context, message, bytes(32))
    assert [outcome is None for outcome in made] == [True, False]


def test_inputs_lie_within_the_counting_bytes() -> None:
    for part in vectors.INPUTS.values():
        assert len(part.bytes) == part.size


def test_check_names_a_stale_header_and_writes_nothing(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = checkout / vectors.HEADER
    assert vectors.main(["--root", str(checkout), "--check"]) == 0
    changed = header.read_text().replace("0x61", "0x60", 1)
    header.write_text(changed)
    assert vectors.main(["--root", str(checkout), "--check"]) == 1
    assert "stale: firmware/service/self_test_vectors.h" in capsys.readouterr().out
    assert header.read_text() == changed
    assert vectors.main(["--root", str(checkout)]) == 0
    assert header.read_text() == vectors.render()


def test_an_answer_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="over 64"):
        vectors._initialiser(bytes(65))
