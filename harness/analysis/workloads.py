# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured: for each operation of the table its parameter sets, and how a service is brought to each.

Keys, entropy and messages come from the seed, so that a seed is the same run everywhere. What an operation needs from
another one (a ciphertext to decrypt, a signature to verify) the service under measurement makes itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import shake_256

from harness.analysis.error import AnalysisError
from harness.model import mldsa
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.codec import FieldValue
from harness.protocol.commands import Algorithm, Command, Status
from harness.protocol.key_image import KeyImage, KeySlot
from harness.targets.base import Target, TargetStopped

KEY_ID = 1

# Enough to see the tail of the rejection loop (FIPS 204, algorithm 7): about three of four turns of it are rejected
# (table 1, repetitions), so the counts of signing spread by a factor of ten and more. All others vary little or not.
SIGNING_SEEDS = 100
OTHER_SEEDS = 10

# What is signed is mostly a digest of something longer.
SIGNED_SIZE = 32

_UNKNOWN_TYPE = next(code for code in range(256) if code not in table.BY_CODE)


@dataclass(frozen=True, slots=True)
class Draw:
    """The values of one seed; the labels keep them apart."""

    seed: int

    def bytes(self, label: str, size: int) -> bytes:
        """`size` bytes, the same for the same seed and label."""
        return shake_256(f"{label} {self.seed}".encode()).digest(size)


@dataclass(frozen=True, slots=True)
class Session:
    """A freshly booted service with `slot` in its key storage; the last turn is the one that counts."""

    target: Target
    slot: KeySlot
    draw: Draw
    turn: int

    def data(self, label: str, size: int) -> bytes:
        """Bytes for this seed and this turn."""
        return self.draw.bytes(f"{label} of turn {self.turn}", size)

    def ask(self, command: Command, request: bytes) -> dict[str, FieldValue]:
        """The named fields of the answer; AnalysisError for any answer but SUCCESS, and for none."""
        try:
            response = self.target.exchange(request)
        except TargetStopped as stopped:
            what = stopped.description.splitlines()[0]
            raise AnalysisError(f"{command.name} is not answered ({what}); run `hil conform` first") from None
        if response.status is not Status.SUCCESS:
            status = response.status.name
            raise AnalysisError(f"{command.name} is answered with {status}; run `make firmware`, then `hil conform`")
        return codec.decode_result(command, response)

    def store(self, slot: KeySlot) -> None:
        """Has the key manager write `slot` in the place of all others."""
        self.target.write_key_image(KeyImage((slot,)).build())

    def settle(self) -> None:
        """Has what the last response left in the window cleared, so that the next one need not (IPC-5)."""
        self.target.exchange(codec.encode_request(_UNKNOWN_TYPE))


@dataclass(frozen=True, slots=True)
class Workload:
    """One operation with one parameter set: the key that it works on, and its request in a session."""

    command: Command
    parameter_set: str
    slot: Callable[[Draw], KeySlot]
    request: Callable[[Session], bytes]

    @property
    def seeds(self) -> int:
        """How many seeds show what there is to see."""
        return SIGNING_SEEDS if self.command is table.MLDSA_SIGN else OTHER_SEEDS


def workloads() -> tuple[Workload, ...]:
    """Every workload of the operations that the table calls implemented, in the table's order."""
    everything = all_workloads()
    return tuple(
        load
        for command in table.COMMANDS
        if command.implemented
        for load in everything
        if load.command.name == command.name
    )


def all_workloads() -> tuple[Workload, ...]:
    """Every workload, also those of operations that are not implemented."""
    return (
        *(_aes(table.AES_ENCRYPT, size, _aes_encrypt) for size in _AES_SIZES),
        *(_aes(table.AES_DECRYPT, size, _aes_decrypt) for size in _AES_SIZES),
        *_by_parameter_set(table.MLDSA_SIGN, Algorithm.MLDSA, "ML-DSA", _mldsa_sign),
        *_by_parameter_set(table.MLDSA_VERIFY, Algorithm.MLDSA, "ML-DSA", _mldsa_verify),
        *_by_parameter_set(table.MLDSA_VERIFY, Algorithm.MLDSA, "ML-DSA", _mldsa_verify_by_seed, " by seed"),
        *_by_parameter_set(table.MLKEM_KEYGEN, Algorithm.MLKEM, "ML-KEM", _mlkem_keygen),
        *_by_parameter_set(table.MLKEM_ENCAPS, Algorithm.MLKEM, "ML-KEM", _mlkem_encaps),
        *_by_parameter_set(table.MLKEM_DECAPS, Algorithm.MLKEM, "ML-KEM", _mlkem_decaps),
    )


def _by_parameter_set(
    command: Command, algorithm: Algorithm, name: str, request: Callable[[Session], bytes], remark: str = ""
) -> tuple[Workload, ...]:
    return tuple(
        Workload(command, f"{name}-{parameter_set}{remark}", _slot_maker(algorithm, parameter_set), request)
        for known, parameter_set in table.MATERIAL_LENGTHS
        if known is algorithm
    )


def _slot_maker(algorithm: Algorithm, parameter_set: int) -> Callable[[Draw], KeySlot]:
    """The shortest material is the secret one: an AES key, the seed of a signing key, nothing yet for ML-KEM."""
    size = min(table.MATERIAL_LENGTHS[algorithm, parameter_set])
    return lambda draw: KeySlot(KEY_ID, algorithm, parameter_set, 1, draw.bytes("key", size))


# ---- AES-256-GCM: no additional data, messages by size ----

# The longest message of each direction is what fits both the request and the response: 64 KiB but for a few bytes.
_LONGEST = "64 KiB"
_AES_SIZES = ("16 B", "1 KiB", _LONGEST)
_AES_BYTES = {"16 B": 16, "1 KiB": 1024}


def _aes(command: Command, size: str, request: Callable[[Session, int], bytes]) -> Workload:
    overhead = max(command.minimum_payload, command.response_overhead)
    length = table.MAX_PAYLOAD - overhead if size == _LONGEST else _AES_BYTES[size]
    maker = _slot_maker(Algorithm.AES, 256)
    return Workload(command, f"AES-256 {size}", maker, lambda session: request(session, length))


def _aes_encrypt(session: Session, length: int) -> bytes:
    return codec.aes_encrypt(KEY_ID, b"", session.data("plaintext", length))


def _aes_decrypt(session: Session, length: int) -> bytes:
    sealed = session.ask(table.AES_ENCRYPT, _aes_encrypt(session, length))
    return codec.encode_command(table.AES_DECRYPT, key_id=KEY_ID, aad=b"", **sealed)


# ---- ML-DSA: a short message, an empty context ----


def _mldsa_sign(session: Session) -> bytes:
    return codec.mldsa_sign(KEY_ID, b"", session.data("message", SIGNED_SIZE))


def _mldsa_verify(session: Session) -> bytes:
    """The slot holds the public key, as where the signer is elsewhere."""
    session.store(session.slot)
    request = _mldsa_verify_by_seed(session)
    known = mldsa.public_key(session.slot.parameter_set, session.slot.material)
    session.store(replace(session.slot, material=known))
    return request


def _mldsa_verify_by_seed(session: Session) -> bytes:
    """The slot holds the seed: the public key is derived from it, or was when the key was first used."""
    signed = session.ask(table.MLDSA_SIGN, _mldsa_sign(session))
    message = session.data("message", SIGNED_SIZE)
    return codec.encode_command(table.MLDSA_VERIFY, key_id=KEY_ID, context=b"", message=message, **signed)


# ---- ML-KEM ----


def _mlkem_keygen(_session: Session) -> bytes:
    return codec.mlkem_keygen(KEY_ID)


def _mlkem_encaps(session: Session) -> bytes:
    made = session.ask(table.MLKEM_KEYGEN, _mlkem_keygen(session))
    return codec.encode_command(table.MLKEM_ENCAPS, **made)


def _mlkem_decaps(session: Session) -> bytes:
    sent = session.ask(table.MLKEM_ENCAPS, _mlkem_encaps(session))
    del sent["shared_secret"]
    return codec.encode_command(table.MLKEM_DECAPS, key_id=KEY_ID, **sent)
