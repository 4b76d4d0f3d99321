# SPDX-License-Identifier: GPL-2.0-or-later
"""Counting: what ran by which route, what failed, what was left out and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.targets.base import TargetError
from harness.vectors import VectorError, load, run_files
from harness.vectors.primitives.sha3 import HashCase
from harness.vectors.routes import Bench
from harness.vectors.runner import run_loaded

Write = Callable[..., Path]


def test_files_of_all_kinds(gcm_files: Any, write: Write, firmware: Path) -> None:
    sealed, forged, short = gcm_files.seal(1), gcm_files.seal(2).forged(), gcm_files.seal(3, key=16)
    vector_set = gcm_files.acvp(sealed, forged)
    paths = [
        write(gcm_files.rsp(sealed, forged), "a.rsp"),
        write(gcm_files.rsp(sealed, encrypt=True), "b.rsp"),
        write(gcm_files.wycheproof(sealed, forged, short), "c.json"),
        write(vector_set.prompt, "d.json"),
        write(vector_set.results, "e.json"),
    ]
    steps: list[tuple[int, int]] = []
    result = run_files(paths, firmware, progress=lambda done, total: steps.append((done, total)))
    assert [(f.file.name, f.window, f.function, len(f.failures)) for f in result.files] == [
        ("a.rsp", 2, 0, 0),
        ("b.rsp", 0, 1, 0),
        ("c.json", 2, 1, 0),
        ("d.json", 2, 1, 0),
    ]
    assert (result.cases, result.failed, result.unsupported, result.passed) == (9, 0, 2, True)
    assert result.files[2].unsupported == {"AES keys of other than 256 bits": 2}
    assert steps == [(done, 11) for done in range(1, 12)]
    shape = json.loads(json.dumps(result.as_json()))
    assert (shape["cases"], shape["failed"], shape["unsupported"]) == (9, 0, 2)
    assert shape["files"][2] == {
        "file": str(paths[2]),
        "kind": "wycheproof",
        "algorithm": "AES-GCM",
        "window": 2,
        "function": 1,
        "failed": 0,
        "failures": [],
        "unsupported": [{"reason": "AES keys of other than 256 bits", "cases": 2}],
    }
    assert shape["files"][3]["results"] == str(paths[4])


def test_wrong_answers_are_failures_of_the_case(gcm_files: Any, write: Write, firmware: Path) -> None:
    sealed = gcm_files.seal(1)
    wrong_text = replace(sealed, plaintext=bytes(len(sealed.plaintext)))
    wrong_tag = sealed.forged()
    accepted = replace(sealed, valid=False)
    result = run_files(
        (
            write(gcm_files.rsp(wrong_text, replace(wrong_tag, valid=True), accepted, sealed), "a"),
            write(gcm_files.rsp(replace(wrong_tag, valid=True), sealed, encrypt=True), "b"),
        ),
        firmware,
    )
    assert not result.passed
    assert (result.cases, result.failed) == (6, 4)
    windowed, called = result.files
    assert [str(failure).split(":")[0] for failure in windowed.failures] == ["line 9", "line 17", "line 25"]
    texts = [failure.text for failure in windowed.failures]
    assert texts[0].startswith("pt: 0000000000000000 expected from byte 0, got")
    assert texts[1:] == [
        "refused",
        "accepted, though it has to fail",
    ]
    assert [failure.text.split(",")[0].split()[0] for failure in called.failures] == ["tag:"]


def test_a_run_of_nothing_is_an_error(gcm_files: Any, write: Write, firmware: Path) -> None:
    path = write(gcm_files.rsp(gcm_files.seal(1, key=16)))
    with pytest.raises(VectorError, match=f"^{path}: no case ran, all 1 were left out: AES keys of other than 256"):
        run_files([path], firmware)
    other = write(gcm_files.rsp(gcm_files.seal(1).truncated(12)), "other")
    with pytest.raises(
        VectorError, match=f"^{path} and 1 more: no case ran, all 2 .* bits; GCM tags of other than 128"
    ):
        run_files([path, other], firmware)
    with pytest.raises(VectorError, match="no file of test vectors was given"):
        run_files([], firmware)


def test_files_are_read_before_anything_runs(gcm_files: Any, write: Write, firmware: Path) -> None:
    def never(done: int, total: int) -> None:
        raise AssertionError("a case ran")

    with pytest.raises(VectorError, match="the file is empty"):
        run_files([write(gcm_files.rsp(gcm_files.seal(1))), write("", "empty")], firmware, progress=never)


def test_an_image_that_is_not_there(gcm_files: Any, write: Write, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no such firmware image"):
        run_files([write(gcm_files.rsp(gcm_files.seal(1)))], tmp_path / "absent.elf")


def test_what_does_not_fit_the_board_is_left_out_with_its_reason(gcm_files: Any, write: Write, bench: Bench) -> None:
    file = load(write(gcm_files.rsp(gcm_files.seal(1, size=1 << 20), encrypt=True)))
    (result,) = run_loaded([file], bench)
    assert (result.function, result.failures) == (0, ())
    ((reason, count),) = result.unsupported.items()
    assert count == 1
    assert "do not fit into the call scratch region" in reason


def test_a_function_that_does_not_return_is_a_failure(gcm_files: Any, write: Write, bench: Bench) -> None:
    """A message that is 2 GiB long by its bit count leads the function out of its memory."""
    loaded = load(write(gcm_files.rsp(gcm_files.seal(1))))
    case = HashCase("line 1", "SHA3-256", b"", 8 << 31, bytes(32))
    sound = HashCase(
        "line 2",
        "SHA3-256",
        b"",
        0,
        bytes.fromhex(
            "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"  # FIPS 202, the empty message
        ),
    )
    (result,) = run_loaded([replace(loaded, cases=(case, sound))], bench)
    assert result.function == 2
    (failure,) = result.failures
    assert failure.case == "line 1"
    assert "the call did not return: read not granted" in failure.text
    assert "sha3_256" in failure.text
