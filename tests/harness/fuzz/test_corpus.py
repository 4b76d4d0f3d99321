# SPDX-License-Identifier: GPL-2.0-or-later
"""A corpus is read and written by content; the minimised one reaches as much, and nothing in it is idle."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.fuzz import corpus
from harness.fuzz import script as s
from harness.fuzz.corpus import input_name, minimized, reach, read_corpus, write_corpus
from harness.fuzz.error import FuzzError
from harness.fuzz.executor import Executor
from harness.fuzz.seeds import decrypt, encrypt, keygen
from harness.report.error import ReportError

UNKNOWN = s.encode([s.send(0x7F)])
SEALED = s.encode([*encrypt(1, b"", b"text"), *decrypt(1)])
SCRIPTS = (SEALED, s.encode(encrypt(1, b"", b"text")), UNKNOWN, s.encode([*s.literal(b"?"), s.send(0x7F)]))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = write_corpus(tmp_path / "new" / "corpus", SCRIPTS)
    assert [path.name for path in written] == [input_name(script) for script in SCRIPTS]
    assert sorted(read_corpus([tmp_path])) == sorted(SCRIPTS)
    assert read_corpus([written[0], written[0]]) == SCRIPTS[:1]
    write_corpus(tmp_path / "new" / "corpus", SCRIPTS)
    assert len(list((tmp_path / "new" / "corpus").iterdir())) == len(SCRIPTS)


def test_what_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(FuzzError, match="no input"):
        read_corpus([tmp_path])
    with pytest.raises(FuzzError, match="none: cannot be read"):
        read_corpus([tmp_path / "none"])
    (tmp_path / "file").touch()
    with pytest.raises(ReportError, match="file"):
        write_corpus(tmp_path / "file", SCRIPTS)


def test_the_minimised_corpus_reaches_as_much(executor: Executor) -> None:
    kept = minimized(executor, SCRIPTS)
    assert SEALED in kept
    assert SCRIPTS[1] not in kept
    everything = frozenset().union(*(reach(executor, script) for script in SCRIPTS))
    assert frozenset().union(*(reach(executor, script) for script in kept)) == everything
    for idle in kept:
        rest = [reach(executor, script) for script in kept if script != idle]
        assert frozenset().union(*rest) < everything
    assert minimized(executor, [*SCRIPTS, s.encode(keygen(0x512))])[: len(kept)] != ()


def test_an_input_that_fails_is_none_of_a_corpus(planted_executor: Executor) -> None:
    with pytest.raises(FuzzError, match="fails: see `hil replay`"):
        minimized(planted_executor, [s.encode(encrypt(0x42, b"", b"hangs"))])


def test_the_command_keeps_what_is_needed_and_no_more(tmp_path: Path, firmware: Path) -> None:
    out, source = tmp_path / "out", tmp_path / "in"
    write_corpus(source, SCRIPTS)
    corpus.main(out, source)
    first = set(read_corpus([out]))
    assert SEALED in first
    longer = s.encode([*encrypt(1, b"", b"text"), *decrypt(1), s.send(0x7F), s.send(0x7E)])
    write_corpus(out, [longer + b""])
    corpus.main(out)
    assert set(read_corpus([out])) <= first | {longer}
