# SPDX-License-Identifier: GPL-2.0-or-later
"""Files are known by their content, paired, and refused with one line that begins with their path."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.vectors import Kind, VectorError, load, load_files

Write = Callable[..., Path]


def test_the_content_says_what_a_file_is(gcm_files: Any, write: Write) -> None:
    sealed = gcm_files.seal(1)
    contents = [
        (Kind.CAVP, gcm_files.rsp(sealed)),
        (Kind.CAVP, gcm_files.rsp(sealed).split("\r\n\r\n", 1)[1]),
        (Kind.WYCHEPROOF, gcm_files.wycheproof(sealed)),
        (Kind.ACVP, gcm_files.acvp(sealed).complete),
        (Kind.ACVP, [{"acvVersion": "1.0"}, gcm_files.acvp(sealed).complete]),
    ]
    for kind, content in contents:
        path = write(content, "anything.exe")
        file = load(path)
        assert (file.path, file.kind, file.algorithm, file.results) == (path, kind, "AES-GCM", None)
        assert file.cases


def test_prompt_and_results_become_one_whatever_their_order(gcm_files: Any, write: Write) -> None:
    one, two = gcm_files.acvp(gcm_files.seal(1)), gcm_files.acvp(gcm_files.seal(2), vector_set=8)
    paths = [
        write(content, f"{number}.json")
        for number, content in enumerate((two.results, one.prompt, one.complete, one.results, two.prompt))
    ]
    files = load_files(paths)
    assert [(file.path, file.results) for file in files] == [
        (paths[1], paths[3]),
        (paths[2], None),
        (paths[4], paths[0]),
    ]
    assert files[0].cases == files[1].cases


def test_halves_alone_and_in_excess(gcm_files: Any, write: Write) -> None:
    made = gcm_files.acvp(gcm_files.seal(1))
    prompt, results = write(made.prompt, "prompt"), write(made.results, "results")
    with pytest.raises(
        VectorError, match=r"prompt: a prompt without answers: give the expected results for 'ACVP-AES-GCM 1\.0'"
    ):
        load(prompt)
    with pytest.raises(VectorError, match="results: expected results without their questions: give the prompt"):
        load(results)
    with pytest.raises(VectorError, match=r"3 files are halves of 'ACVP-AES-GCM 1\.0' of vsId 7"):
        load_files((prompt, results, write(made.results, "again")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \r\n ", "the file is empty"),
        (b"\x7fELF\xff", "byte 4 is no text"),
        (b"some text", "not a CAVP, Wycheproof or ACVP file"),
        (b"{}", "JSON that has neither numberOfTests"),
        (b"[[]]", "JSON that has neither numberOfTests"),
        (b'{"numberOfTests": 1, ', "damaged or cut off"),
        (b"[Curve = P-256]\nCount = 0\n", r"no algorithm is known whose .rsp file has '\[Curve\], Count'"),
    ],
)
def test_what_is_refused(content: bytes, message: str, write: Write) -> None:
    path = write(content)
    with pytest.raises(VectorError, match=f"^{re.escape(str(path))}: .*{message}") as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_unknown_algorithms_are_named(gcm_files: Any, write: Write) -> None:
    document = gcm_files.wycheproof(gcm_files.seal(1))
    with pytest.raises(VectorError, match="algorithm 'AES-EAX' is unknown, known: AES-GCM"):
        load(write({**document, "algorithm": "AES-EAX"}))
    vector_set = gcm_files.acvp(gcm_files.seal(1)).complete
    with pytest.raises(VectorError, match="algorithm 'ACVP-AES-GCM-SIV mode' is unknown, known: ACVP-AES-GCM"):
        load(write({**vector_set, "algorithm": "ACVP-AES-GCM-SIV", "mode": "mode"}))
    prompt = gcm_files.acvp(gcm_files.seal(1)).prompt
    with pytest.raises(VectorError, match=r"algorithm 'a\\nb' is unknown"):
        load(write({**prompt, "algorithm": "a\nb"}))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "absent", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(VectorError, match=f"^{re.escape(str(path))}: {message}"):
            load(path)


def test_a_file_given_twice(gcm_files: Any, write: Write, tmp_path: Path) -> None:
    path = write(gcm_files.rsp(gcm_files.seal(1)))
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(VectorError, match="given twice"):
        load_files((path, tmp_path / "link"))


_SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_SETTINGS
@given(data=st.data())
def test_damage_is_an_error_of_one_kind(data: st.DataObject, gcm_files: Any, acvp_sets: Any, write: Write) -> None:
    """Whatever one does to a file, it is read or refused; what is read has cases."""
    sealed = (gcm_files.seal(1), gcm_files.seal(2).forged())
    whole = data.draw(
        st.sampled_from(
            [
                gcm_files.rsp(*sealed),
                json.dumps(gcm_files.wycheproof(*sealed)),
                json.dumps(gcm_files.acvp(*sealed).complete),
                json.dumps(acvp_sets.kem_encap_decap().complete),
                json.dumps(acvp_sets.dsa_keygen(44).complete),
            ]
        )
    ).encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    damaged = whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:]
    message = ""
    try:
        assert load(write(damaged)).cases
    except VectorError as error:
        message = str(error)
    assert "\n" not in message


@_SETTINGS
@given(kind=st.sampled_from(["wycheproof", "acvp"]), share=st.floats(0, 1, exclude_max=True))
def test_json_that_is_cut_off_is_never_read(kind: str, share: float, gcm_files: Any, write: Write) -> None:
    made = gcm_files.seal(1)
    whole = json.dumps(gcm_files.wycheproof(made) if kind == "wycheproof" else gcm_files.acvp(made).complete)
    with pytest.raises(VectorError):
        load(write(whole[: int(share * len(whole))]))
