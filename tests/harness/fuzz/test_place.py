# SPDX-License-Identifier: GPL-2.0-or-later
"""Defective firmware, found by a script each: where it failed, told in words, and known again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emulator.cpu import Registers
from emulator.stop import Fault
from harness.fuzz import place as places
from harness.fuzz import script as s
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.key_images import named_images
from harness.fuzz.oracles import Judges
from harness.fuzz.place import Place, locate, parse_frame
from harness.fuzz.script import Step
from harness.report.findings import StackFrame
from harness.targets.emulated import EmulatedTarget

Defective = Callable[..., Path]
FORGED = [*s.literal(bytes((1, 0, 0, 0)) + bytes(12) + b"\0\0" + bytes(20)), s.send(2)]


def encrypting(key_id: int = 1, text: bytes = b"attack at dawn") -> list[Step]:
    return [*s.literal(key_id.to_bytes(4, "little") + b"\0\0" + text), s.send(1)]


@contextmanager
def opened(image: Path, watch_interval: int = 0) -> Iterator[Executor]:
    made = Executor(EmulatedTarget(image), watch_interval=watch_interval)
    yield made
    made.close()


def found(executor: Executor, steps: list[Step], verdict: Verdict) -> Place:
    assert executor.run(s.encode(steps)) is verdict
    return locate(executor, verdict)


# ---- faults ----


def test_a_fault_is_its_kind_and_its_call_chain(planted_executor: Executor) -> None:
    place = found(planted_executor, encrypting(0x41), Verdict.FAULT)
    assert place.kind == "fault"
    assert place.location.startswith("write not granted in aes_encrypt_check service/aes_encrypt.c:")
    assert place.signature[:3] == ("write not granted", "aes_encrypt_check", "dispatch")
    assert place.signature[-2:] == ("main", "reset")
    assert place.chain[0].line > 0
    assert "0x60000000 is in no region" in place.report


def test_the_same_fault_behind_other_requests_is_the_same(planted_executor: Executor) -> None:
    first = found(planted_executor, encrypting(0x41), Verdict.FAULT)
    other = found(planted_executor, [*encrypting() * 3, s.keys(1), *encrypting(0x41, b"other" * 9)], Verdict.FAULT)
    assert first.signature == other.signature
    assert first.report != other.report


def fault(kind: str, *chain: str) -> Fault:
    return Fault(kind, 0x20000000, Registers(*[0] * 19), chain, ())  # type: ignore[arg-type]


def test_offsets_lines_and_depth_of_recursion_do_not_count() -> None:
    one = places._fault(fault("read not granted", "walk+0x10 (a.c:10)", "walk.part.0+0x20 (a.c:20)", "main+0x2"))
    other = places._fault(fault("read not granted", "walk+0x12 (a.c:11)", "main+0x2 (b.c:7)"))
    assert one.signature == other.signature == ("read not granted", "walk", "main")
    assert places._fault(fault("write not granted", "walk+0x10 (a.c:10)", "main+0x2")).signature != one.signature


def test_a_stop_that_no_processor_makes_is_a_sanitizers() -> None:
    place = places._fault(fault("stack-buffer-overflow", "copy (a.c:3)", "main"))
    assert (place.kind, place.location) == ("sanitizer", "stack-buffer-overflow in copy a.c:3")


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ("gcm+0x1c (crypto/gcm.c:120)", ("gcm", "crypto/gcm.c", 120)),
        ("judge (service/ipc.c:29, inlined)", ("judge", "service/ipc.c", 29)),
        ("reset+0x36", ("reset", "", 0)),
        ("wipe", ("wipe", "", 0)),
        ("step.part.0+0x2 (a.c:1)", ("step.part.0", "a.c", 1)),
        ("0x0000b95c", ("", "", 0)),
    ],
)
def test_frames(text: str, frame: tuple[str, str, int]) -> None:
    assert parse_frame(text) == StackFrame(text, *frame)


# ---- hangs ----


@pytest.mark.parametrize("length", [0, 1, 14, 900, 3000, 20_000])
def test_a_hang_is_known_wherever_its_budget_ended(planted_executor: Executor, length: int) -> None:
    """The planted loop calls a function: with a long text, nearly every instruction is that function's."""
    place = found(planted_executor, [s.fill(1, 0x42), s.fill(5), s.fill(length), s.send(1)], Verdict.HANG)
    assert place.kind == "hang"
    assert place.signature[:2] == ("aes_encrypt_check", "dispatch")
    assert place.location.startswith("AES_ENCRYPT: never leaves aes_encrypt_check service/aes_encrypt.c:")


def test_what_ends_after_all_is_too_slow(planted_executor: Executor) -> None:
    place = found(planted_executor, encrypting(0x43, b""), Verdict.HANG)
    assert place.signature == ("AES_ENCRYPT", "slow")
    assert place.location == "AES_ENCRYPT: more instructions than its bound"
    assert "aes_encrypt_check" in place.report


def test_an_image_without_symbols(planted: Path, tmp_path: Path) -> None:
    """A fault is known by its address then, a hang by its operation."""
    stripped = tmp_path / "stripped.elf"
    subprocess.run(["arm-none-eabi-strip", "-o", stripped, planted], check=True)
    with opened(stripped) as executor:
        fault = found(executor, encrypting(0x41), Verdict.FAULT)
        assert fault.signature == ("write not granted", fault.chain[0].text)
        assert fault.location == f"write not granted in {fault.chain[0].text}"
        hangs = [found(executor, encrypting(0x42, bytes(size)), Verdict.HANG) for size in (1, 14)]
    assert [place.signature for place in hangs] == [("AES_ENCRYPT",)] * 2


def test_the_executor_goes_on_behind_each(planted_executor: Executor) -> None:
    for key_id, verdict in ((0x42, Verdict.HANG), (0x41, Verdict.FAULT), (0x43, Verdict.HANG)):
        found(planted_executor, encrypting(key_id), verdict)
        assert planted_executor.run(s.encode(encrypting() * 3)) is Verdict.PASS
        assert [exchange.status for exchange in planted_executor.exchanges] == [0, 0, 0]


# ---- answers ----


def test_no_answer(defective: Defective) -> None:
    with opened(defective("service/ipc.c", "    window_answer(doorbell);", "    (void)doorbell;")) as executor:
        place = found(executor, encrypting(), Verdict.UNANSWERED)
    assert (place.kind, place.location) == ("unanswered", "AES_ENCRYPT: not answered")
    assert "doorbell 1, answered 0" in place.report


def test_a_malformed_answer(defective: Defective) -> None:
    with opened(defective("error-carries-a-payload")) as executor:
        place = found(executor, FORGED, Verdict.MALFORMED)
    assert (place.kind, place.location) == ("malformed", "AES_DECRYPT: an error carries a payload")
    assert "DECRYPTION_FAILED carries a payload of 4 bytes" in place.report


def test_a_status_outside_the_table(defective: Defective) -> None:
    change = ("service/aes_decrypt.c", "status = STATUS_DECRYPTION_FAILED;", "status = (enum status)0x2a;")
    with opened(defective(*change)) as executor:
        place = found(executor, FORGED, Verdict.STATUS)
    assert (place.kind, place.location) == ("status", "AES_DECRYPT: status 0x2a is in no table")


def test_a_difference_is_for_its_oracle_to_explain(defective: Defective) -> None:
    with opened(defective("failed-tag-is-a-crypto-error")) as executor:
        oracle = Judges(executor, ("model",))
        assert executor.run(s.encode(FORGED)) is Verdict.MISMATCH
        place = locate(executor, Verdict.MISMATCH, oracle)
        with pytest.raises(ValueError, match="oracle"):
            locate(executor, Verdict.MISMATCH)
    assert place.kind == "mismatch"
    assert place.location == "AES_DECRYPT status: expected DECRYPTION_FAILED, got CRYPTO_ERROR"


def test_a_script_that_passes_has_no_place(executor: Executor) -> None:
    assert executor.run(s.encode(encrypting())) is Verdict.PASS
    with pytest.raises(ValueError, match="passed"):
        locate(executor, Verdict.PASS)


# ---- fetches ----


@pytest.mark.parametrize(
    ("mutant", "location"),
    [
        ("payload-fetched-twice", "a request byte is read twice in fetch_up_to service/message.c:"),
        ("length-fetched-twice", "a request byte is read twice in judge service/ipc.c:"),
        ("response-length-read-back", "the response area is read in respond service/ipc.c:"),
    ],
)
def test_who_reads_what_he_must_not(defective: Defective, mutant: str, location: str) -> None:
    forged = [s.keys(2), s.clock(5), *encrypting(), *FORGED]
    with opened(defective(mutant), watch_interval=1) as executor:
        one = found(executor, encrypting(), Verdict.DOUBLE_FETCH)
        assert executor.run(s.encode([s.send(9)])) in (Verdict.PASS, Verdict.DOUBLE_FETCH)
        other = found(executor, forged, Verdict.DOUBLE_FETCH)
    assert one.kind == "double-fetch"
    assert one.location.startswith(location)
    assert one.signature == other.signature


def test_reads_are_found_behind_the_key_image_and_the_clock_that_they_need(defective: Defective) -> None:
    refused = "    if (status != STATUS_SUCCESS)\n        goto cleanup;\n    if (key.state->encryptions"
    again = refused.replace(
        "goto", "status = *(volatile uint32_t *)0x21811000u ? status : STATUS_SUCCESS;\n    if (status) goto"
    )
    with opened(defective("service/aes_encrypt.c", refused, again), watch_interval=1) as executor:
        no_keys = s.keys(list(named_images()).index("no keys"))
        steps = [*encrypting(), no_keys, s.fill(1), s.send(1), s.repeat(98), s.clock(1000), *encrypting()]
        place = found(executor, steps, Verdict.DOUBLE_FETCH)
        assert place.location.startswith("a request byte is read twice in aes_encrypt_operate service/aes_encrypt.c:")
        assert len(executor.exchanges) == 101
        assert executor.run(s.encode(encrypting())) is Verdict.PASS
        assert executor.exchanges[0].status == 0


def test_a_race_shows_a_double_fetch_in_its_own_request_alone(defective: Defective) -> None:
    with opened(defective("length-fetched-twice")) as executor:
        place = found(executor, [*s.literal(bytes(8)), s.race(4, 1), s.send(1)], Verdict.DOUBLE_FETCH)
    assert place.location.startswith("a request byte is read twice in judge service/ipc.c:")
