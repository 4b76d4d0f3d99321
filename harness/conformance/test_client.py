# SPDX-License-Identifier: GPL-2.0-or-later
"""The client side on both images: retry (CLI-1), chunks (CLI-2), sealed files (CLI-3), and what it leaves (IPC-5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness import sealed_file
from harness.conformance.plugin import RecordCoverage
from harness.conformance.support import KEYS, Generator, noise
from harness.conformance.support_client import CHUNK, MLKEM_KEYGEN, Gateway, judged_firmware, open_gateway
from harness.default_keys import AES_KEY_ID, ENTROPY, SECOND_AES_KEY_ID, UNKNOWN_KEY_ID
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.sealing import Firmware, NotAuthenticError, open_file
from harness.targets.base import Target
from harness.targets.gateway import GatewaySystem
from harness.targets.host_port import JobCommand, Result

KEY = KEYS[AES_KEY_ID]
HEADER, HEAD = 12, 32
SEAL, OPEN, REFUSED = JobCommand.SEAL_END, JobCommand.OPEN_NEXT, Result.REFUSED

# When each of five tries is made, in microseconds behind the first.
TIMES = (0, 100_000, 300_000, 700_000, 1_500_000)


@pytest.fixture(scope="module")
def _images(bench_target: Target, record_coverage: RecordCoverage) -> Iterator[GatewaySystem]:
    yield from open_gateway(bench_target, record_coverage)


@pytest.fixture
def gateway(_images: GatewaySystem) -> Gateway:
    """Both tasks, freshly powered on."""
    return Gateway(_images)


@pytest.fixture
def firmware(bench_target: Target) -> Firmware:
    """The images, for whole files."""
    return judged_firmware(bench_target)


def sealed(plaintext: bytes, key_id: int = AES_KEY_ID) -> bytes:
    """A file sealed outside, with nonces that nobody has seen."""
    return sealed_file.seal(KEYS.get(key_id, KEY), key_id, plaintext)


def payload(request: bytes) -> bytes:
    return request[8:]


# ---- CLI-1: wait and retry ----


@pytest.mark.clause("CLI-1")
def test_a_refused_request_waits_100_ms_and_is_made_again(gateway: Gateway) -> None:
    """The service's own cooldown and the client's first wait: both 100,000 us, to the microsecond."""
    gateway.exhaust()
    begin = gateway.system.now
    outcome, tries = gateway.watch(0x01, payload(codec.aes_encrypt(AES_KEY_ID, b"aad", b"plaintext")))
    assert outcome.result is Result.OK
    assert [attempt.time - begin for attempt in tries] == [0, 100_000]
    assert tries[0].request == tries[1].request == codec.aes_encrypt(AES_KEY_ID, b"aad", b"plaintext")
    assert gateway.system.now - begin == 100_000


@pytest.mark.clause("CLI-1")
@pytest.mark.parametrize("refusals", [0, 1, 2, 3, 4])
def test_cli_1_the_waits_double(gateway: Gateway, refusals: int) -> None:
    gateway.exhaust() if refusals else gateway.boot()
    begin = gateway.system.now
    outcome, tries = gateway.watch(MLKEM_KEYGEN, bytes(4), refusals=refusals)
    assert tuple(attempt.time - begin for attempt in tries) == TIMES[: refusals + 1]
    assert len({attempt.request for attempt in tries}) == 1
    assert (outcome.result, outcome.status) == (REFUSED, Status.KEY_NOT_FOUND)


@pytest.mark.clause("CLI-1")
def test_it_gives_up_after_five_tries_without_a_wait_behind_the_last(gateway: Gateway) -> None:
    gateway.exhaust()
    begin = gateway.system.now
    outcome, tries = gateway.watch(MLKEM_KEYGEN, bytes(4), refusals=9)
    assert (outcome.result, outcome.status, outcome.output) == (REFUSED, Status.RATE_LIMITED, b"")
    assert tuple(attempt.time - begin for attempt in tries) == TIMES
    assert gateway.system.now - begin == TIMES[-1]
    again, tries = gateway.watch(MLKEM_KEYGEN, bytes(4))
    assert (again.status, len(tries)) == (Status.KEY_NOT_FOUND, 1)


@pytest.mark.clause("CLI-1")
def test_only_rate_limited_is_tried_again(gateway: Gateway) -> None:
    nonce = bytes(12)
    ciphertext = AESGCM(KEY).encrypt(nonce, b"once", b"")
    once = payload(codec.aes_decrypt(AES_KEY_ID, nonce, b"", ciphertext[:-16], ciphertext[-16:]))
    forged = payload(codec.aes_decrypt(AES_KEY_ID, noise(12), b"", b"", bytes(16)))
    for command, data, status in (
        (0x02, once, Status.SUCCESS),
        (0x02, once, Status.NONCE_REUSE),
        (0x02, forged, Status.DECRYPTION_FAILED),
        (MLKEM_KEYGEN, bytes(4), Status.KEY_NOT_FOUND),
        (0x22, UNKNOWN_KEY_ID.to_bytes(4, "little") + bytes(5), Status.INVALID_PAYLOAD),
    ):
        outcome, tries = gateway.watch(command, data)
        assert outcome.result is (Result.OK if status is Status.SUCCESS else REFUSED)
        assert len(tries) == 1
        if command != 0x22:
            assert outcome.status is status


@pytest.mark.clause("CLI-1", "CLI-2")
def test_a_file_is_sealed_and_opened_across_the_rate_limit(gateway: Gateway) -> None:
    """With the clock standing still but for the client's waits, one request in a hundred is made twice."""
    gateway.exhaust()
    plaintext = noise(2 * CHUNK + 1)
    begin = gateway.system.now
    file = gateway.seal(AES_KEY_ID, plaintext)
    assert gateway.system.now - begin == 100_000
    for _ in range(97):
        gateway.do(MLKEM_KEYGEN, bytes(4))
    assert gateway.open(file).result is Result.OK
    assert gateway.system.now - begin == 200_000


# ---- CLI-2: chunks ----

SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 11 * CHUNK + 5]


@pytest.mark.clause("CLI-2", "CLI-3")
@pytest.mark.parametrize("size", SIZES)
def test_a_sealed_file_is_byte_for_byte_the_one_of_the_description(gateway: Gateway, size: int) -> None:
    """Nonces included: a second generator draws the hash key of the nonce tracker, then one nonce a record."""
    generator = Generator(ENTROPY)
    generator.draw(16)
    expected = sealed_file.seal(KEY, AES_KEY_ID, noise(size), lambda: generator.draw(12))
    assert gateway.seal(AES_KEY_ID, noise(size)) == expected


@pytest.mark.clause("CLI-2", "CLI-3")
@pytest.mark.parametrize("size", SIZES)
def test_a_file_sealed_outside_is_opened(gateway: Gateway, size: int) -> None:
    opened = gateway.open(sealed(noise(size)))
    assert (opened.result, opened.plaintext) == (Result.OK, noise(size))


@pytest.mark.clause("CLI-2")
def test_cli_2_the_aad_of_each_chunk_is_its_number(gateway: Gateway) -> None:
    """As it stands in the window; `end:` and the number of chunks last."""
    gateway.do(JobCommand.SEAL_BEGIN, key_id=AES_KEY_ID)
    text = noise(CHUNK)
    for index in range(11):
        _, (attempt,) = gateway.watch(JobCommand.SEAL_CHUNK, text)
        assert attempt.request == codec.aes_encrypt(AES_KEY_ID, b"chunk:%d" % index, text)
    _, (attempt,) = gateway.watch(SEAL)
    assert attempt.request == codec.aes_encrypt(AES_KEY_ID, b"end:11", b"")


@pytest.mark.clause("CLI-2")
def test_no_chunk_follows_a_short_one_and_none_is_longer_than_60_kib(gateway: Gateway) -> None:
    gateway.do(JobCommand.SEAL_BEGIN, key_id=AES_KEY_ID)
    for data in (b"", bytes(CHUNK + 1)):
        outcome, tries = gateway.watch(JobCommand.SEAL_CHUNK, data)
        assert (outcome.result, outcome.output, tries) == (Result.BAD_ARGUMENT, b"", ())
    assert gateway.do(JobCommand.SEAL_CHUNK, bytes(CHUNK - 1)).result is Result.OK
    outcome, tries = gateway.watch(JobCommand.SEAL_CHUNK, b"x")
    assert (outcome.result, outcome.output, tries) == (Result.BAD_ARGUMENT, b"", ())


@pytest.mark.clause("CLI-2")
@pytest.mark.parametrize("lengths", [(5, 5), (CHUNK - 1, CHUNK), (CHUNK + 1,), (2**32 - 1,)])
def test_chunks_of_other_lengths_are_no_sealed_file(gateway: Gateway, lengths: tuple[int, ...]) -> None:
    """Authentic as they are: a plaintext is cut in one way only."""
    cipher = AESGCM(KEY)
    file = sealed_file.HEADER.pack(b"HILS", 1, 0, AES_KEY_ID)
    for index, length in enumerate(lengths):
        nonce = bytes([index + 1]) * 12
        text = cipher.encrypt(nonce, bytes(min(length, CHUNK + 1)), b"chunk:%d" % index)
        file += sealed_file.HEAD.pack(length, nonce, text[-16:]) + text[:-16]
    opened = gateway.open(file)
    assert opened.result is Result.BAD_FORMAT
    assert len(opened.plaintext) == sum(lengths[:-1])


# ---- CLI-3: sealed files ----


def split(file: bytes) -> tuple[bytes, list[bytes]]:
    """Header and records."""
    return file[:HEADER], [record.encode() for record in sealed_file.records_of(file)]


def arranged(*order: int) -> Callable[[bytes], bytes]:
    """The records of a file in another order, or some of them more than once, or not at all."""

    def arrange(file: bytes) -> bytes:
        header, records = split(file)
        return header + b"".join(records[index] for index in order)

    return arrange


def foreign_end(chunks: int) -> Callable[[bytes], bytes]:
    """An authentic end record of a file with another number of chunks."""

    def change(file: bytes) -> bytes:
        header, records = split(file)
        return header + b"".join(records[:-1]) + split(sealed(bytes(chunks * CHUNK)))[1][-1]

    return change


def with_key(key_id: int) -> Callable[[bytes], bytes]:
    return lambda file: file[:8] + key_id.to_bytes(4, "little") + file[12:]


# Of a file of three chunks, 0 to 2, and the end record 3: what is done to it, the result, the plaintext's chunks.
MANIPULATIONS: dict[str, tuple[Callable[[bytes], bytes], Result, int]] = {
    "first two swapped": (arranged(1, 0, 2, 3), Result.NOT_AUTHENTIC, 0),
    "first left out": (arranged(1, 2, 3), Result.NOT_AUTHENTIC, 0),
    "second left out": (arranged(0, 2, 3), Result.NOT_AUTHENTIC, 1),
    "last left out": (arranged(0, 1, 3), Result.NOT_AUTHENTIC, 2),
    "all left out": (arranged(3), Result.NOT_AUTHENTIC, 0),
    "first repeated": (arranged(0, 0, 1, 2, 3), Result.REFUSED, 1),
    "second in the place of the third": (arranged(0, 1, 1, 3), Result.REFUSED, 2),
    "no end record": (arranged(0, 1, 2), Result.TRUNCATED, 3),
    "nothing at all": (arranged(), Result.TRUNCATED, 0),
    "end record twice": (arranged(0, 1, 2, 3, 3), Result.TRAILING_DATA, 3),
    "end record of four chunks": (foreign_end(4), Result.NOT_AUTHENTIC, 3),
    "end record of no chunk": (foreign_end(0), Result.NOT_AUTHENTIC, 3),
    "a byte appended": (lambda file: file + b"\0", Result.TRAILING_DATA, 3),
    "a file appended": (lambda file: file + sealed(b"more"), Result.TRAILING_DATA, 3),
    "another key": (with_key(SECOND_AES_KEY_ID), Result.NOT_AUTHENTIC, 0),
    "no key": (with_key(UNKNOWN_KEY_ID), Result.REFUSED, 0),
}


@pytest.mark.clause("CLI-3")
@pytest.mark.parametrize("what", MANIPULATIONS)
def test_a_manipulated_file_is_not_opened(gateway: Gateway, what: str) -> None:
    change, result, chunks = MANIPULATIONS[what]
    plaintext = noise(2 * CHUNK + 9)
    opened = gateway.open(change(sealed(plaintext)))
    assert opened.result is result
    assert opened.plaintext == plaintext[: chunks * CHUNK]


@pytest.mark.clause("CLI-2", "CLI-3")
@pytest.mark.parametrize("place", [0, 1])
def test_the_place_of_a_chunk_is_in_its_tag(gateway: Gateway, place: int) -> None:
    """The chunk at this place, tried at every other in a new service life each: no nonce tracker helps."""
    _, records = split(sealed(noise(CHUNK + 9)))
    nonce, tag, text = records[place][4:16], records[place][16:32], records[place][HEAD:]
    for index in range(3):
        gateway.boot()
        request = codec.aes_decrypt(AES_KEY_ID, nonce, b"chunk:%d" % index, text, tag)
        assert gateway.do(0x02, payload(request)).result is (Result.OK if index == place else REFUSED)


@pytest.mark.clause("CLI-3")
def test_every_byte_of_a_file_counts(gateway: Gateway) -> None:
    """Each bit of header, heads, ciphertext and end record, on a file of its own: none is opened."""
    size = HEADER + HEAD + 5 + HEAD
    for position in range(size):
        for bit in (0, 7):
            file = bytearray(sealed(b"plain"))
            assert len(file) == size
            file[position] ^= 1 << bit
            opened = gateway.open(bytes(file))
            assert opened.result is not Result.OK, f"byte {position}, bit {bit}"
            if position < HEADER + HEAD + 5:
                assert opened.plaintext == b""


@pytest.mark.clause("CLI-3")
@pytest.mark.parametrize("field", ["magic", "version", "reserved"])
def test_a_header_has_one_form(gateway: Gateway, field: str) -> None:
    offset, size = {"magic": (0, 4), "version": (4, 2), "reserved": (6, 2)}[field]
    for position in range(offset, offset + size):
        for bit in range(8):
            file = bytearray(sealed(b"plain"))
            file[position] ^= 1 << bit
            assert gateway.open(bytes(file)).result is Result.BAD_FORMAT


@pytest.mark.clause("CLI-3")
def test_the_header_names_the_key(gateway: Gateway) -> None:
    for key_id in KEYS:
        assert gateway.open(sealed(b"text", key_id)).plaintext == b"text"
        assert sealed_file.key_id_of(gateway.seal(key_id, b"text")) == key_id
    opened = gateway.open(sealed(b"text", UNKNOWN_KEY_ID))
    assert (opened.result, opened.status) == (REFUSED, Status.KEY_NOT_FOUND)


@pytest.mark.clause("CLI-3")
def test_a_file_cut_off_anywhere_is_truncated(gateway: Gateway) -> None:
    """At every border of its pieces, and a byte before and behind each."""
    borders = (0, HEADER, HEADER + HEAD, HEADER + HEAD + CHUNK, HEADER + 2 * HEAD + CHUNK)
    plaintext = noise(CHUNK + 700)
    whole = len(sealed(plaintext))
    cuts = {border + step for border in (*borders, whole - HEAD, whole) for step in (-1, 0, 1)}
    for cut in sorted(cut for cut in cuts if 0 <= cut < whole):
        opened = gateway.open(sealed(plaintext)[:cut])
        assert opened.result is Result.TRUNCATED, f"cut off at byte {cut} of {whole}"
        assert plaintext.startswith(opened.plaintext)


@pytest.mark.clause("CLI-3")
def test_a_file_does_not_end_before_its_end_record(gateway: Gateway) -> None:
    """The end told where the next piece has to come, behind each piece."""
    file = sealed(b"plain")
    borders = (0, HEADER, HEADER + HEAD, HEADER + HEAD + 5, len(file))
    for count in range(len(borders)):
        fresh = sealed(b"plain")
        gateway.do(JobCommand.OPEN_BEGIN)
        for start, end in pairwise(borders[: count + 1]):
            assert gateway.do(OPEN, fresh[start:end]).result is Result.OK
        expected = Result.OK if count == len(borders) - 1 else Result.TRUNCATED
        assert gateway.do(JobCommand.OPEN_END).result is expected


@pytest.mark.clause("CLI-3")
def test_an_opening_that_has_failed_stays_failed(gateway: Gateway) -> None:
    header, records = split(sealed(noise(30)))
    for piece in (header, records[0][:HEAD]):
        assert not gateway.do(JobCommand.OPEN_BEGIN).output
        assert gateway.do(OPEN, header).result is Result.OK
        assert gateway.do(OPEN, piece[:5]).result is Result.TRUNCATED
        outcome, tries = gateway.watch(OPEN, records[0][:HEAD])
        assert (outcome.result, outcome.output, outcome.wants, tries) == (Result.TRUNCATED, b"", 0, ())
        assert gateway.do(JobCommand.OPEN_END).result is Result.TRUNCATED


@pytest.mark.clause("CLI-3", "NON-1")
def test_a_file_is_opened_once_in_a_service_life(gateway: Gateway) -> None:
    file = sealed(b"once")
    assert gateway.open(file).result is Result.OK
    opened = gateway.open(file)
    assert (opened.result, opened.status, opened.plaintext) == (REFUSED, Status.NONCE_REUSE, b"")
    gateway.boot()
    assert gateway.open(file).plaintext == b"once"


@pytest.mark.clause("CLI-3")
@pytest.mark.parametrize("what", [name for name in MANIPULATIONS if name != "no key"])
def test_nothing_is_at_out_until_all_is_authentic(firmware: Firmware, tmp_path: Path, what: str) -> None:
    """Whole files, as `hil open` does them; what was at OUT before is still there."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.write_bytes(MANIPULATIONS[what][0](sealed(noise(2 * CHUNK + 9))))
    out.write_bytes(b"before")
    seen: set[bytes] = set()
    with pytest.raises(NotAuthenticError):
        open_file(source, out, firmware, lambda _: seen.add(out.read_bytes()))
    assert out.read_bytes() == b"before"
    assert seen <= {b"before"}
    assert sorted(tmp_path.iterdir()) == [source, out]


# ---- IPC-5, the client's side ----


@pytest.mark.clause("IPC-5")
def test_ipc_5_the_window_is_zero_behind_every_job(gateway: Gateway) -> None:
    """Request and response area, whatever came of the job."""
    longest = payload(codec.aes_encrypt(AES_KEY_ID, b"", noise(65508)))
    jobs: list[tuple[int, bytes]] = [
        (0x01, longest),
        (0x01, payload(codec.aes_encrypt(UNKNOWN_KEY_ID, b"aad", noise(999)))),
        (0x02, payload(codec.aes_decrypt(AES_KEY_ID, noise(12), b"aad", noise(500), noise(16)))),
        (0x20, (0x768).to_bytes(4, "little")),
        (0x20, bytes(4)),
        (0x7F, b"no such type"),
    ]
    for command, data in jobs:
        gateway.do(command, data)
        assert gateway.system.window_clean, f"job {command:#x}"
    plaintext = noise(CHUNK + 1)
    file = gateway.seal(AES_KEY_ID, plaintext)
    assert gateway.system.window_clean
    for pieces in (file[: HEADER + HEAD + 7], file[:-1], file):
        gateway.open(pieces)
        assert gateway.system.window_clean


@pytest.mark.clause("IPC-5", "CLI-1")
def test_the_window_is_zero_when_the_client_has_given_up(gateway: Gateway) -> None:
    gateway.exhaust()
    outcome, _ = gateway.watch(0x01, payload(codec.aes_encrypt(AES_KEY_ID, b"", noise(3000))), refusals=9)
    assert outcome.status is Status.RATE_LIMITED
    assert gateway.system.window_clean
