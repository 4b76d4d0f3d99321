# SPDX-License-Identifier: GPL-2.0-or-later
"""Each symptom of a session is really caused on the emulated firmware, and explained from the log that was kept."""

from __future__ import annotations

import io

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import CHEAPEST, nonce_number, seal_outside
from harness.default_keys import AES_KEY_ID, UNKNOWN_KEY_ID
from harness.protocol.commands import Status
from harness.session_log import RecordingTarget, SessionLog, parse_session
from harness.session_symptoms import NONCE_REUSE, NOT_CLEARED, RATE_LIMITED, examine_session
from harness.symptoms import KEY_NOT_FOUND, SLOW, Finding
from harness.targets.emulated import EmulatedTarget


class Session:
    """A client of the emulated service that keeps a log; every answer is compared with the model too."""

    def __init__(self, emulated: EmulatedTarget, clears: bool = True) -> None:
        self.stream = io.StringIO()
        self.emulated = emulated
        self.target = RecordingTarget(emulated, self.stream, clears)
        self.dut = Dut(self.target)

    def open(self, number: int) -> Status:
        """Decrypt a message with a nonce of its own."""
        nonce = nonce_number(number)
        return self.dut.aes_decrypt(AES_KEY_ID, nonce, *seal_outside(AES_KEY_ID, nonce, b"text")).status

    def age(self, *, recorded: int | None = None, encryptions: int | None = None) -> None:
        """Give the first key a past, in firmware, model and log; it has been used."""
        assert self.emulated.peek("key_states[0].key_id") == AES_KEY_ID
        key = self.dut.model.keys.aes_keys[AES_KEY_ID]
        if recorded is not None:
            self.target.carry(AES_KEY_ID, recorded - key.nonces.recorded, 0)
            self.emulated.poke("key_states[0].tracker.recorded", recorded)
            key.nonces.recorded = recorded
        if encryptions is not None:
            self.target.carry(AES_KEY_ID, 0, encryptions - key.encryptions)
            self.emulated.poke("key_states[0].encryptions", encryptions)
            key.encryptions = encryptions

    @property
    def log(self) -> SessionLog:
        return parse_session(self.stream.getvalue().splitlines())

    def findings(self) -> tuple[Finding, ...]:
        return examine_session(self.log)

    def finding(self) -> Finding:
        (found,) = self.findings()
        return found


@pytest.fixture
def session(emulated: EmulatedTarget) -> Session:
    return Session(emulated)


def test_a_session_without_symptoms_has_no_finding(session: Session) -> None:
    session.dut.seal(AES_KEY_ID, b"text")
    assert session.open(1) is Status.SUCCESS
    session.dut.aes_encrypt(UNKNOWN_KEY_ID)
    assert session.findings() == ()


def test_keys_that_stay_away_are_explained(session: Session) -> None:
    for _ in range(3):
        session.dut.aes_encrypt(UNKNOWN_KEY_ID)
    session.dut.keys.corrupt(AES_KEY_ID)
    for _ in range(4):
        session.dut.aes_encrypt(AES_KEY_ID)
    unknown, corrupt = session.findings()
    assert unknown.symptom == corrupt.symptom == KEY_NOT_FOUND
    assert f"key {UNKNOWN_KEY_ID}: the last 3 requests" in unknown.evidence
    assert "does not parse, or has a corrupt slot" in corrupt.evidence
    session.dut.keys.repair()
    session.dut.aes_encrypt(AES_KEY_ID)
    (left,) = session.findings()
    assert "no slot of the key storage" in left.evidence


# ---- 0x07 ----


def test_a_burst_is_explained(session: Session) -> None:
    dut = session.dut
    dut.clock.pace = 0
    dut.clock.set(1_000_000)
    for _ in range(103):
        dut.exchange(CHEAPEST)
    found = session.finding()
    assert found.symptom == RATE_LIMITED
    assert "3 of 103 requests refused" in found.evidence
    assert "103 within 100 ms" in found.evidence
    assert "1 cooldowns of 100 ms, 2 requests sent during one" in found.evidence
    assert "do not follow" not in found.evidence
    assert "wait 100 ms" in found.advice


def test_a_rate_above_the_limit_is_explained(session: Session) -> None:
    """1250 requests a second: the bucket of 100 lasts for half a second."""
    dut = session.dut
    dut.clock.pace = 800
    while dut.exchange(CHEAPEST).status is not Status.RATE_LIMITED:
        pass
    dut.clock.advance(100_000)
    for _ in range(900):
        dut.exchange(CHEAPEST)
    found = session.finding()
    assert found.symptom == RATE_LIMITED
    assert "at most 1125 in a second (1000 are allowed)" in found.evidence
    assert "do not follow" not in found.evidence


def test_requests_of_somebody_else_are_noticed(session: Session, emulated: EmulatedTarget) -> None:
    dut = session.dut
    dut.clock.pace = 0
    for _ in range(100):
        emulated.exchange(CHEAPEST)
        dut.model.exchange(CHEAPEST, 0)
    assert dut.exchange(CHEAPEST).status is Status.RATE_LIMITED
    found = session.finding()
    assert "1 answers do not follow from the times logged" in found.evidence
    assert "another client" in found.advice


# ---- 0x08 ----


def test_a_replay_is_explained(session: Session) -> None:
    assert [session.open(number) for number in (1, 2, 1, 1)][2:] == [Status.NONCE_REUSE] * 2
    found = session.finding()
    assert found.symptom == NONCE_REUSE
    assert f"key {AES_KEY_ID}: replay: 1 nonces" in found.evidence
    assert nonce_number(1).hex() in found.evidence
    assert "(refused 2 times)" in found.evidence


@pytest.mark.clause("NON-4")
def test_a_full_window_is_explained(session: Session) -> None:
    """NON-4: 1,000,000 nonces are recorded, and the advice is to rotate; which helps."""
    session.open(1)
    session.age(recorded=999_999)
    assert [session.open(number) for number in (2, 3, 4)] == [Status.SUCCESS, *[Status.NONCE_REUSE] * 2]
    found = session.finding()
    assert "window of 1000000 nonces full: 1000000 recorded" in found.evidence
    assert "2 decryptions refused since" in found.evidence
    assert "rotate" in found.advice
    session.dut.keys.rotate(AES_KEY_ID)
    assert session.open(5) is Status.SUCCESS
    assert session.open(1) is Status.SUCCESS, "nothing is remembered over a rotation"
    assert "replay" not in session.finding().evidence


def test_a_full_window_is_guessed_where_the_log_begins_late(session: Session) -> None:
    session.open(1)
    session.age(recorded=1_000_000)
    session.open(2)
    session.open(3)
    lines = [line for line in session.stream.getvalue().splitlines() if "carried" not in line]
    (found,) = examine_session(parse_session(lines))
    assert "window full, most likely: 2 nonces that the log has not seen were refused" in found.evidence


def test_a_nonce_from_before_the_log_is_explained(session: Session) -> None:
    session.open(1)
    lines = session.stream.getvalue().splitlines()
    session.open(1)
    session.open(2)
    later = [lines[0], *session.stream.getvalue().splitlines()[len(lines) :]]
    (found,) = examine_session(parse_session(later))
    assert "1 nonces refused that the log has not seen, while others were served" in found.evidence


def test_a_spent_encryption_counter_is_explained(session: Session) -> None:
    session.dut.seal(AES_KEY_ID)
    session.age(encryptions=2**32 - 1)
    session.dut.seal(AES_KEY_ID)
    assert session.dut.aes_encrypt(AES_KEY_ID).status is Status.NONCE_REUSE
    found = session.finding()
    assert "encryption counter used up: 4294967296 encryptions known, 4294967296 allowed, 1 refused" in found.evidence
    assert "rotate" in found.advice


# ---- window and build ----


@pytest.mark.clause("IPC-5")
def test_a_window_that_is_not_cleared_is_explained(emulated: EmulatedTarget) -> None:
    """IPC-5: the client leaves the responses where they are."""
    session = Session(emulated, clears=False)
    for _ in range(3):
        session.dut.seal(AES_KEY_ID, b"text")
    found = session.finding()
    assert found.symptom == NOT_CLEARED
    assert "not clear after 3 of 3 responses, first at 1000 us" in found.evidence
    assert "IPC-5" in found.advice


def test_a_slow_build_is_told_from_the_log(session: Session) -> None:
    session.dut.seal(AES_KEY_ID, b"text")
    text = session.stream.getvalue().replace('"build":"release"', '"build":"fips"')
    (found,) = examine_session(parse_session(text.splitlines()))
    assert found.symptom == SLOW
    assert "kind fips" in found.evidence
