# SPDX-License-Identifier: GPL-2.0-or-later
"""Session logs: what is written is read back, nothing secret is in them, and what is no log is refused in one line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from harness.conformance.dut import Dut
from harness.default_keys import AES_KEY_ID
from harness.protocol import codec
from harness.session_log import (
    Carried,
    Exchange,
    KeysWritten,
    RecordingTarget,
    SessionLogError,
    SessionWriter,
    exchange_of,
    parse_session,
    read_session,
)
from harness.targets.model import ModelTarget

HEAD = '{"format":"hil session log","version":1}'
EVENTS = (
    KeysWritten(0, {1: 7, 2**32 - 1: 0}, boot=True),
    Carried(5, 1, 10, 20),
    Exchange(1000, bytes.fromhex("c701020022000000"), 1, bytes(12), 6, True),
    Exchange(2000, b"", None, None, 1, None),
    KeysWritten(3000, None),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "session.log"
    with path.open("w") as stream:
        writer = SessionWriter(stream, "debug")
        for event in EVENTS:
            writer.write(event)
    log = read_session(path)
    assert (log.build, log.events) == ("debug", EVENTS)
    assert log.exchanges == (EVENTS[2], EVENTS[3])
    assert [event.type for event in log.exchanges] == [2, None]


def test_a_recorded_run_holds_no_payload() -> None:
    stream = io.StringIO()
    target = RecordingTarget(ModelTarget(), stream)
    dut = Dut(target)
    nonce, ciphertext, tag = dut.seal(AES_KEY_ID, b"attack at dawn")
    dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag)
    text = stream.getvalue()
    boot, sealed, opened = parse_session(text.splitlines()).events
    assert isinstance(boot, KeysWritten)
    assert boot.boot
    assert sealed == Exchange(1000, bytes.fromhex("c701010014000000"), AES_KEY_ID, None, 0, None)
    assert isinstance(opened, Exchange)
    assert opened.nonce == nonce
    for secret in (b"attack at dawn", ciphertext, tag):
        assert secret.hex() not in text
    assert (target.name, target.capabilities) == ("model", ModelTarget().capabilities)
    target.close()


def test_only_requests_that_name_a_key_have_one() -> None:
    assert exchange_of(0, codec.mlkem_encaps(bytes(800)), 0, None).key_id is None
    assert exchange_of(0, codec.mlkem_keygen(5), 0, None).key_id == 5
    assert exchange_of(0, codec.encode_request(0x02, bytes(15)), 3, None).nonce is None
    assert exchange_of(0, b"\xc7", 1, None) == Exchange(0, b"\xc7", None, None, 1, None)


BAD = {
    "not JSON": "{",
    "not an object": "[]",
    "time_us is missing": '{"request":"","status":0}',
    "time_us is not": '{"time_us":-1,"request":"","status":0}',
    "status is missing": '{"time_us":1,"request":""}',
    "status is not": '{"time_us":1,"request":"","status":true}',
    "request is not": '{"time_us":1,"request":"c7010100000000000000","status":0}',
    "nonce is not": '{"time_us":1,"request":"","status":0,"nonce":"xx"}',
    "key_id is not": '{"time_us":1,"request":"","status":0,"key_id":4294967296}',
    "window_clear is not": '{"time_us":1,"request":"","status":0,"window_clear":1}',
    "generations is neither": '{"time_us":1,"generations":[]}',
    "a key id among": '{"time_us":1,"generations":{"x":1}}',
    "nonces is missing": '{"time_us":1,"carried":1}',
    "neither request": '{"time_us":1}',
}


@pytest.mark.parametrize("complaint", BAD)
def test_a_bad_line_is_named(complaint: str) -> None:
    with pytest.raises(SessionLogError, match=f"line 3: {complaint}") as error:
        parse_session([HEAD, "", BAD[complaint]])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "empty"),
        (b"\xff\xfe", "not a text file"),
        (b'{"version":1}', "first line"),
        (b'{"format":"hil session log","version":2}', "version 2 is unknown"),
        (b'{"format":"hil session log","version":1,"build":3}', "build is not a text"),
        (b"[" * 100_000, "line 1"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, text: bytes, complaint: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(text)
    with pytest.raises(SessionLogError, match=complaint):
        read_session(path)
