# SPDX-License-Identifier: GPL-2.0-or-later
"""The watch on firmware with defects: each finding says what, where and by whom, and the machine stays as it was."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.analysis.exercise import ENTROPY, keys
from harness.analysis.watch import Watch
from harness.fuzz.patched import copy_firmware
from harness.model import Model
from harness.protocol import codec
from harness.protocol.codec import Response
from harness.targets.emulated import EmulatedTarget
from harness.targets.opening import default_firmware

FIRMWARE = Path(__file__).parents[3] / "firmware"

# Two reads of the length; a message that is not wiped; a response that depends on dead memory.
DEFECTS = (
    (
        "service/ipc.c",
        ".payload_length = window_fetch_word(WINDOW_REQUEST + 4),",
        ".payload_length = window_fetch_word(WINDOW_REQUEST + 4) <= IPC_MAX_PAYLOAD\n"
        "            ? window_fetch_word(WINDOW_REQUEST + 4) : IPC_MAX_PAYLOAD + 1u,",
    ),
    ("service/ipc.c", "    message_wipe(&request.message);\n", ""),
    (
        "service/message.c",
        "    message->response = (struct span)",
        "    if (output_buffer[4000] == 0xA5u)\n        data[0] ^= 1u;\n    message->response = (struct span)",
    ),
)


@pytest.fixture(scope="module")
def defective(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release image with the defects."""
    tree = tmp_path_factory.mktemp("defective") / "firmware"
    copy_firmware(tree, default_firmware().parent)
    for name, before, after in DEFECTS:
        text = (tree / name).read_text()
        assert before in text
        (tree / name).write_text(text.replace(before, after))
    subprocess.run(["make", "-C", str(tree), "BUILD=release"], check=True, capture_output=True)
    return tree / default_firmware().relative_to(FIRMWARE)


class Session:
    """A watched target and the model beside it."""

    def __init__(self, image: Path) -> None:
        self.target = EmulatedTarget(image)
        self.watch = Watch(self.target)
        raw = keys().build()
        self.model, self.now = Model(ENTROPY, raw), 0
        self.target.boot(ENTROPY, raw)
        self.watch.in_play = self.model.watch_secrets()

    def ask(self, request: bytes) -> Response:
        self.now += 1000
        self.target.set_clock(self.now)
        expected = self.model.exchange(request, self.now)
        assert self.target.exchange(request) == expected
        return expected

    def found(self, kind: str) -> list[str]:
        return [str(finding) for finding in self.watch.findings if finding.kind == kind]


@pytest.fixture
def session(defective: Path) -> Iterator[Session]:
    made = Session(defective)
    yield made
    made.target.close()


def test_a_second_fetch_is_told_with_both_reads_and_graded(session: Session) -> None:
    session.ask(codec.aes_encrypt(1, b"", b"sixteen bytes it"))
    (found,) = session.found("second fetch")
    assert "the request's header (window offset 0x1004) is read by ipc_serve" in found
    assert "and again by ipc_serve" in found
    assert "changed in between: " in found
    assert "no effect seen" not in found
    session.ask(codec.aes_encrypt(1, b"", b"sixteen bytes it"))
    assert len(session.found("second fetch")) == 1


def test_a_residue_is_told_with_its_buffer_and_writer(session: Session) -> None:
    nonce = session.ask(codec.aes_encrypt(1, b"", b"seal")).payload[:12]
    session.ask(codec.aes_decrypt(1, nonce, b"", b"a ciphertext of some length", bytes(16)))
    session.ask(codec.aes_encrypt(99, b"", b"the plaintext of a refused request"))
    found = session.found("residue")
    assert any("plaintext stays in message_buffer" in text and "written by shared_fetch" in text for text in found)


def test_memory_that_was_not_written_is_told(session: Session) -> None:
    session.ask(codec.mlkem_keygen(21))
    (found,) = session.found("uninitialised memory")
    assert "depends on memory that was not written before: output_buffer (in MLKEM_KEYGEN" in found


def test_what_was_found_changes_no_answer_and_no_count(session: Session, defective: Path) -> None:
    plain = EmulatedTarget(defective)
    plain.boot(ENTROPY, keys().build())
    for number in range(3):
        request = codec.aes_encrypt(1, b"", bytes(range(20 + number)))
        plain.set_clock(session.now + 1000)
        assert plain.exchange(request) == session.ask(request)
        assert plain.last_instructions == session.target.last_instructions
    plain.close()


def test_a_closed_watch_leaves_the_target_as_it_was(session: Session) -> None:
    session.watch.close()
    session.ask(codec.aes_encrypt(1, b"", b"text"))
    assert session.watch.findings == []
