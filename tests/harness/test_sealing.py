# SPDX-License-Identifier: GPL-2.0-or-later
"""Real files through both tasks, held against the implementation that has the key in hand."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import sealed_file
from harness.protocol import key_image
from harness.protocol.key_image import KeyImage
from harness.sealing import Firmware, NotAuthenticError, SealingError, open_file, seal_file
from harness.targets.base import TargetError

KEY, OTHER_KEY = bytes(range(32)), bytes(range(100, 132))
KEYS = KeyImage((key_image.aes_slot(7, KEY), key_image.aes_slot(8, OTHER_KEY))).build()
CHUNK = 61440


@pytest.fixture
def life(firmware: Path) -> Firmware:
    return Firmware(entropy=os.urandom(48), key_image=KEYS, image=firmware)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """Two chunks, the second one short, sealed outside."""
    path = tmp_path / "sealed"
    path.write_bytes(sealed_file.seal(KEY, 7, os.urandom(CHUNK + 100)))
    return path


SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 65535, 65536, 65537, 2 * 65536, 3 * CHUNK, 16 * CHUNK, 16 * CHUNK + 1]


@pytest.mark.parametrize("size", SIZES)
def test_any_size_goes_there_and_back(tmp_path: Path, life: Firmware, size: int) -> None:
    plain, sealed, opened = tmp_path / "plain", tmp_path / "sealed", tmp_path / "opened"
    plain.write_bytes(os.urandom(size))
    done: list[int] = []
    result = seal_file(plain, sealed, 7, life, done.append)
    assert result.plaintext_bytes == result.file_bytes == size
    assert done == sorted(done)
    assert len(done) == -(-size // CHUNK)
    assert sealed_file.open_sealed(KEY, sealed.read_bytes()) == plain.read_bytes()
    back = open_file(sealed, opened, life)
    assert (back.plaintext_bytes, back.file_bytes) == (size, sealed.stat().st_size)
    assert opened.read_bytes() == plain.read_bytes()
    assert sorted(tmp_path.iterdir()) == sorted([plain, sealed, opened])


def test_the_result_says_what_it_took(tmp_path: Path, life: Firmware) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(os.urandom(3 * CHUNK))
    result = seal_file(plain, tmp_path / "sealed", 7, life)
    assert result.effort.service_instructions > 50 * result.plaintext_bytes
    assert result.effort.gateway_instructions > 0
    assert 0 < result.effort.guest_seconds < result.seconds
    assert result.guest_share == result.effort.guest_seconds / result.seconds
    assert result.instructions_per_byte == result.effort.instructions / (3 * CHUNK)
    assert result.mebibytes_per_second > 0


def test_more_chunks_than_the_rate_limiter_has_tokens(tmp_path: Path, life: Firmware) -> None:
    """Each job has its token: the 110 requests need as many instructions as 110 requests do, without tries in vain."""
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(bytes(109 * CHUNK))
    seal_file(plain, sealed, 7, life)
    assert len(sealed_file.records_of(sealed.read_bytes())) == 110


def test_a_pipe_can_be_sealed(tmp_path: Path, life: Firmware) -> None:
    pipe, text = tmp_path / "pipe", os.urandom(2 * CHUNK + 5)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(text,))
    writer.start()
    seal_file(pipe, tmp_path / "sealed", 7, life)
    writer.join()
    assert sealed_file.open_sealed(KEY, (tmp_path / "sealed").read_bytes()) == text


def flipped(position: int) -> Callable[[bytes], bytes]:
    def change(file: bytes) -> bytes:
        altered = bytearray(file)
        altered[position] ^= 1
        return bytes(altered)

    return change


SECOND = 12 + 32 + CHUNK
CHANGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda file: b"", "cut off"),
    "between records": (lambda file: file[:SECOND], "cut off"),
    "inside a record": (lambda file: file[: SECOND + 50], "cut off"),
    "one byte short": (lambda file: file[:-1], "cut off"),
    "last ciphertext": (flipped(SECOND + 40), "altered"),
    "end record": (flipped(-1), "altered"),
    "magic": (flipped(0), "no header"),
    "other key": (lambda file: file[:8] + b"\x08" + file[9:], "under another key"),
    "appended": (lambda file: file + b"x", "something follows"),
    "repeated": (lambda file: file[:SECOND] + file[12:], "repeated"),
    "left out": (lambda file: file[:12] + file[SECOND:], "altered, moved"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_manipulated_file_leaves_nothing(tmp_path: Path, sealed: Path, life: Firmware, what: str) -> None:
    change, why = CHANGES[what]
    sealed.write_bytes(change(sealed.read_bytes()))
    with pytest.raises(NotAuthenticError, match=why):
        open_file(sealed, tmp_path / "opened", life)
    assert list(tmp_path.iterdir()) == [sealed]


def test_what_was_there_stays_when_the_file_is_bad(tmp_path: Path, sealed: Path, life: Firmware) -> None:
    opened = tmp_path / "opened"
    opened.write_bytes(b"precious")
    sealed.write_bytes(sealed.read_bytes()[:-1])
    with pytest.raises(NotAuthenticError):
        open_file(sealed, opened, life)
    assert opened.read_bytes() == b"precious"


def test_an_interrupt_leaves_nothing(tmp_path: Path, sealed: Path, life: Firmware) -> None:
    def interrupt(done: int) -> None:
        if done > CHUNK:
            raise KeyboardInterrupt

    for action in (
        lambda: open_file(sealed, tmp_path / "out", life, interrupt),
        lambda: seal_file(sealed, tmp_path / "out", 7, life, interrupt),
    ):
        with pytest.raises(KeyboardInterrupt):
            action()
        assert list(tmp_path.iterdir()) == [sealed]


def test_mistakes_of_the_user(tmp_path: Path, sealed: Path, life: Firmware) -> None:
    out = tmp_path / "out"
    with pytest.raises(SealingError, match="no sound AES key 9"):
        seal_file(sealed, out, 9, life)
    with pytest.raises(SealingError, match="is the input"):
        seal_file(sealed, sealed, 7, life)
    sealed.write_bytes(sealed_file.seal(KEY, 9, b"text"))
    with pytest.raises(SealingError, match="no sound AES key of the id"):
        open_file(sealed, out, life)
    with pytest.raises(TargetError, match="0 bytes of entropy"):
        seal_file(sealed, out, 7, Firmware(entropy=b"", key_image=KEYS, image=life.image))
    with pytest.raises(SealingError, match="cannot be sealed: the service answered CRYPTO_ERROR"):
        seal_file(sealed, out, 7, Firmware(entropy=bytes(48), key_image=KEYS, image=life.image))
    with pytest.raises(FileNotFoundError):
        open_file(tmp_path / "missing", out, life)
    assert list(tmp_path.iterdir()) == [sealed]
