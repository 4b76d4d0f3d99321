# SPDX-License-Identifier: GPL-2.0-or-later
"""Bugs planted in the firmware, to judge a fuzzer by: what each is, how deep it lies, and what it must be found as.

The defect itself is the patch of the bug's name. A trigger is one way to the bug, no more than 64 requests long and
within what inputs of the fuzzer can say; it begins behind a boot with the default keys, the clock at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import shake_128
from typing import Literal, Protocol

from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.codec import RawRequest, Response

REQUESTS_MAX = 64

FindingKind = Literal["fault", "sanitizer", "hang", "status", "malformed", "mismatch", "double-fetch", "residue"]

# The key storage that a sequence may switch to: the one of the boot; every slot a generation on; AES key 1 with a wrong
# digest; a header that does not parse; other seeds and AES keys under the same generations.
Storage = Literal["initial", "rotated", "damaged slot", "unparsable", "other material"]

# Of the default keys.
AES_ID = 1
MLDSA_44_ID = 0x44
MLKEM_512_ID = 0x512
ABSENT_ID = 0x0BAD_F00D


class Stage(Protocol):
    """What a sequence acts on."""

    def ask(self, request: bytes) -> Response:
        """Post the request area's bytes and ring; the response that the contract demands."""

    def step(self, microseconds: int) -> None:
        """Move the clock on, or back."""

    def store(self, storage: Storage) -> None:
        """Write a key storage image."""

    def write(self, offset: int, content: bytes) -> None:
        """Write raw bytes to the window."""


@dataclass(frozen=True, slots=True)
class PlantedBug:
    """One defect. `build` is the build that shows it, `what` the defect in one line, `trigger` a way to it."""

    name: str
    build: Literal["release", "sanitize"]
    kind: FindingKind
    what: str
    trigger: Callable[[Stage], object]

    @property
    def patch(self) -> str:
        """The file name of the patch."""
        return f"{self.name}.patch"


def _noise(size: int) -> bytes:
    return shake_128(b"planted").digest(size)


def _send(request: bytes) -> Callable[[Stage], object]:
    return lambda stage: stage.ask(request)


def _encrypt(plaintext: bytes, aad: bytes = b"", key_id: int = AES_ID) -> Callable[[Stage], object]:
    return _send(codec.aes_encrypt(key_id, aad, plaintext))


def _seal(stage: Stage, plaintext: bytes) -> bytes:
    """The request that opens what was sealed: nonce, ciphertext and tag are parts of the response."""
    sealed = stage.ask(codec.aes_encrypt(AES_ID, b"", plaintext)).payload
    return codec.aes_decrypt(AES_ID, sealed[:12], b"", sealed[12:-16], sealed[-16:])


def _open(plaintext: bytes, times: int) -> Callable[[Stage], object]:
    def play(stage: Stage) -> None:
        opening = _seal(stage, plaintext)
        for _ in range(times):
            stage.ask(opening)

    return play


def _mlkem_in_order(stage: Stage) -> None:
    encapsulation_key = stage.ask(codec.mlkem_keygen(MLKEM_512_ID)).payload
    ciphertext = stage.ask(codec.mlkem_encaps(encapsulation_key)).payload[: -table.MLKEM_SECRET_SIZE]
    stage.ask(codec.mlkem_decaps(MLKEM_512_ID, ciphertext))
    stage.ask(codec.aes_encrypt(AES_ID, b"", b""))


def _reopen_rotated(stage: Stage) -> None:
    opening = _seal(stage, b"text")
    stage.ask(opening)
    stage.store("rotated")
    stage.ask(opening)


def _decapsulate_rotated(stage: Stage) -> None:
    stage.ask(codec.mlkem_keygen(MLKEM_512_ID))
    stage.store("rotated")
    stage.ask(codec.mlkem_decaps(MLKEM_512_ID, bytes(table.MLKEM_SIZES[512].ciphertext)))


def _decapsulate_0x5a(stage: Stage) -> None:
    stage.ask(codec.mlkem_keygen(MLKEM_512_ID))
    stage.ask(codec.mlkem_decaps(MLKEM_512_ID, b"\x5a" * table.MLKEM_SIZES[512].ciphertext))


def _sign_with_other_seed(stage: Stage) -> None:
    stage.ask(codec.mldsa_sign(MLDSA_44_ID, b"", b""))
    stage.store("other material")
    stage.ask(codec.mldsa_sign(MLDSA_44_ID, b"", b""))


def _reopen_repaired(stage: Stage) -> None:
    opening = _seal(stage, b"text")
    stage.ask(opening)
    stage.store("damaged slot")
    stage.ask(opening)
    stage.store("initial")
    stage.ask(opening)


def _wait_36_minutes(stage: Stage) -> None:
    stage.step(1 << 31)
    stage.ask(codec.encode_request(0))


def _count_on(stage: Stage) -> None:
    stage.write(table.WINDOW_RESPONSE_DOORBELL, b"\x80")
    stage.ask(codec.encode_request(0))


PLANTED: tuple[PlantedBug, ...] = (
    PlantedBug(
        "magic-in-the-plaintext",
        "release",
        "fault",
        "a plaintext that begins with LOCK is executed",
        _encrypt(b"LOCK..."),
    ),
    PlantedBug(
        "magic-in-the-aad",
        "release",
        "mismatch",
        "additional data that begin with DBG: are not authenticated",
        _encrypt(b"", b"DBG:"),
    ),
    PlantedBug(
        "plaintext-of-4919-bytes",
        "release",
        "fault",
        "a plaintext of 0x1337 bytes makes the nonce come from an address that is not granted",
        _encrypt(bytes(0x1337)),
    ),
    PlantedBug(
        "aad-length-of-all-ones",
        "release",
        "fault",
        "an aad_length of 0xFFFF is noted through a pointer that nobody has set",
        _send(codec.encode_command(table.AES_ENCRYPT, key_id=0, aad_length=0xFFFF, aad=b"", plaintext=b"")),
    ),
    PlantedBug(
        "nested-context",
        "release",
        "fault",
        "each ( at the start of a context takes another frame of the stack",
        _send(codec.mldsa_verify(0, b"(" * 255, b"", b"")),
    ),
    PlantedBug(
        "three-requests-in-order",
        "release",
        "fault",
        "what follows a key generation, an encapsulation and a decapsulation, all successful, is a trap",
        _mlkem_in_order,
    ),
    PlantedBug(
        "context-of-255-bytes",
        "release",
        "hang",
        "a loop over the context of a verification counts in one byte up to and with its length",
        _send(codec.mldsa_verify(0, bytes(255), b"", b"")),
    ),
    PlantedBug(
        "status-0x0a",
        "release",
        "status",
        "MLDSA_VERIFY with flags 0x80 is answered with status 0x0A",
        _send(RawRequest(table.MLDSA_VERIFY.code, flags=0x80).encode()),
    ),
    PlantedBug(
        "refused-nonce-has-a-payload",
        "release",
        "malformed",
        "a NONCE_REUSE carries the ciphertext",
        _open(b"text", times=2),
    ),
    PlantedBug(
        "doorbell-left-unanswered",
        "release",
        "malformed",
        "a request whose payload_length is 0xDEAD10CC leaves the doorbell as it was",
        _send(RawRequest(0, payload_length=0xDEAD10CC).encode()),
    ),
    PlantedBug(
        "doorbell-counted-on",
        "release",
        "malformed",
        "the answered doorbell is one more than the window says was answered before",
        _count_on,
    ),
    PlantedBug(
        "empty-plaintext-has-a-byte",
        "release",
        "mismatch",
        "an empty plaintext comes out of a decryption as one byte",
        _open(b"", times=1),
    ),
    PlantedBug(
        "aad-of-43-bytes",
        "release",
        "mismatch",
        "43 bytes of additional data are authenticated as 42, by both sides alike",
        _encrypt(b"", bytes(43)),
    ),
    PlantedBug(
        "refused-nonce-is-forgotten",
        "release",
        "mismatch",
        "a nonce that was refused once is taken the next time",
        _open(b"text", times=3),
    ),
    PlantedBug(
        "secret-of-0x5a",
        "release",
        "mismatch",
        "the secret of a ciphertext whose first byte is 0x5A has its last bit wrong",
        _decapsulate_0x5a,
    ),
    PlantedBug(
        "rotation-keeps-nonces",
        "release",
        "mismatch",
        "a rotation restarts the count of nonces and leaves the filter as it is",
        _reopen_rotated,
    ),
    PlantedBug(
        "rotated-mlkem-key-lives",
        "release",
        "mismatch",
        "a new generation alone does not end a generated key",
        _decapsulate_rotated,
    ),
    PlantedBug(
        "expansion-of-old-material",
        "release",
        "mismatch",
        "an expanded key is used on after its seed has changed under the same generation",
        _sign_with_other_seed,
    ),
    PlantedBug(
        "damaged-slot-forgets-all",
        "release",
        "mismatch",
        "a request for a key whose slot is damaged makes the service forget every key",
        _reopen_repaired,
    ),
    PlantedBug(
        "long-step-forward",
        "release",
        "mismatch",
        "36 minutes without a request are a negative time, and start a cooldown",
        _wait_36_minutes,
    ),
    PlantedBug(
        "long-aad-length-read-again",
        "release",
        "double-fetch",
        "an aad_length over 255 is checked, and then read from the window again",
        _send(codec.aes_decrypt(AES_ID, bytes(12), bytes(256), b"", bytes(16))),
    ),
    PlantedBug(
        "long-plaintext-stays",
        "release",
        "residue",
        "512 and more bytes of a request whose key is unknown stay in the message buffer",
        _encrypt(_noise(512), key_id=ABSENT_ID),
    ),
    PlantedBug(
        "refused-material-stays",
        "release",
        "residue",
        "the material of another algorithm's key, where an ML-KEM key is asked for, stays in the copy of its slot",
        _send(codec.mlkem_keygen(AES_ID)),
    ),
    PlantedBug(
        "tag-over-the-end",
        "sanitize",
        "sanitizer",
        "the tag behind a payload of 65536 bytes is followed by a byte too many",
        _encrypt(bytes(60000), bytes(table.MAX_PAYLOAD - 6 - 60000)),
    ),
    PlantedBug(
        "nonce-read-over-the-end",
        "sanitize",
        "sanitizer",
        "with 12 bytes of additional data, the byte behind a copy of the nonce is read",
        _send(codec.aes_decrypt(AES_ID, bytes(12), bytes(12), b"", bytes(16))),
    ),
    PlantedBug(
        "shift-by-32",
        "sanitize",
        "sanitizer",
        "a context of 32 bytes shifts a word by as many bits",
        _send(codec.mldsa_sign(0, bytes(32), b"")),
    ),
)
