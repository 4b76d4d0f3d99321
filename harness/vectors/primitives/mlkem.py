# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-KEM (FIPS 203) with its three parameter sets.

The protocol expresses what an encapsulation key or a ciphertext is refused for. It lets nobody choose the service's
randomness and takes no decapsulation key (KEM-1), so everything else is a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

from emulator.calls import Buffer
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.commands import Algorithm, Status
from harness.vectors.questions import Answer, Operation, Outputs, Question, Refused, accepted, outputs, succeeded
from harness.vectors.routes import CaseFailed, Functions, Service, expect_status

ALGORITHM = "ML-KEM"
SEED_SIZE = 32  # of d, of z and of m
SECRET_SIZE = 32
_Q = 3329


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of encapsulation key, decapsulation key and ciphertext (FIPS 203, table 3)."""

    ek: int
    dk: int
    c: int


SIZES = {512: Sizes(800, 1632, 768), 768: Sizes(1184, 2400, 1088), 1024: Sizes(1568, 3168, 1568)}


@dataclass(frozen=True, slots=True)
class Keygen(Question):
    """ML-KEM.KeyGen_internal: ek, dk. d and z have 32 bytes each."""

    parameter_set: int
    d: bytes
    z: bytes


@dataclass(frozen=True, slots=True)
class Encaps(Question):
    """The checks of section 7.2, then ML-KEM.Encaps_internal: c, k. m has 32 bytes."""

    parameter_set: int
    ek: bytes
    m: bytes


@dataclass(frozen=True, slots=True)
class Decaps(Question):
    """The checks of section 7.3, then ML-KEM.Decaps_internal: k."""

    parameter_set: int
    dk: bytes
    c: bytes


@dataclass(frozen=True, slots=True)
class SeedDecaps(Question):
    """The key of a seed, d before z, then ML-KEM.Decaps: ek, k."""

    parameter_set: int
    seed: bytes
    c: bytes


@dataclass(frozen=True, slots=True)
class CheckEncapsulationKey(Question):
    """The checks of section 7.2."""

    REFUSABLE: ClassVar[bool] = True

    parameter_set: int
    ek: bytes


@dataclass(frozen=True, slots=True)
class CheckDecapsulationKey(Question):
    """The checks of section 7.3 that are about the key."""

    REFUSABLE: ClassVar[bool] = True

    parameter_set: int
    dk: bytes


# ---- what several operations do ----


def _parameters(functions: Functions, parameter_set: int) -> int:
    """struct mlkem_parameters of firmware/crypto/mlkem.h."""
    return functions.address(f"mlkem_{parameter_set}")


def _keygen(functions: Functions, parameter_set: int, d: bytes, z: bytes) -> tuple[bytes, bytes]:
    sizes = SIZES[parameter_set]
    ek, dk = functions.space(sizes.ek), functions.space(sizes.dk)
    functions.call("mlkem_keygen", _parameters(functions, parameter_set), functions.lend(d), functions.lend(z), ek, dk)
    return functions.take(ek), functions.take(dk)


def _decaps(functions: Functions, parameter_set: int, dk: Buffer, c: bytes) -> bytes:
    secret = functions.space(SECRET_SIZE)
    functions.call("mlkem_decaps", _parameters(functions, parameter_set), dk, functions.lend(c), secret)
    return functions.take(secret)


def _ek_refusal(question: Encaps | CheckEncapsulationKey) -> str:
    if len(question.ek) > table.MAX_PAYLOAD:
        return "encapsulation keys that are too long for a request"
    if len(question.ek) in {sizes.ek for number, sizes in SIZES.items() if number != question.parameter_set}:
        return "encapsulation keys as long as another parameter set's: the length names the set (KEM-2)"
    return ""


def _encaps_window(parameter_set: int, ek: bytes, service: Service) -> Answer:
    """MLKEM_ENCAPS: c and k with the service's own m."""
    right_length = len(ek) == SIZES[parameter_set].ek
    response = service.exchange(codec.mlkem_encaps(ek))
    if not succeeded(response, Status.CRYPTO_ERROR if right_length else Status.INVALID_PAYLOAD):
        return Refused()
    if len(response.payload) != SIZES[parameter_set].c + SECRET_SIZE:
        raise CaseFailed(f"MLKEM_ENCAPS answered with {len(response.payload)} bytes")
    return outputs(c=response.payload[:-SECRET_SIZE], k=response.payload[-SECRET_SIZE:])


class _WithCiphertext(Protocol):
    @property
    def parameter_set(self) -> int: ...

    @property
    def c(self) -> bytes: ...


def _has_wrong_ciphertext(question: _WithCiphertext) -> bool:
    return len(question.c) != SIZES[question.parameter_set].c


def _decaps_refusal(question: _WithCiphertext) -> str:
    longest = table.MAX_PAYLOAD - table.MLKEM_DECAPS.minimum_payload
    return "ciphertexts that are too long for a request" if len(question.c) > longest else ""


def _decaps_window(question: _WithCiphertext, service: Service) -> Answer:
    """MLKEM_DECAPS with a key of the service's own: a ciphertext of a wrong length is refused whatever the key."""
    key_id = service.use_key(Algorithm.MLKEM, question.parameter_set)
    expect_status(Status.SUCCESS, service.exchange(codec.mlkem_keygen(key_id)))
    response = service.exchange(codec.mlkem_decaps(key_id, question.c))
    return outputs(k=response.payload) if succeeded(response, Status.INVALID_PAYLOAD) else Refused()


def _is_reduced(ek: bytes) -> bool:
    """Whether every coefficient is below q; it only chooses the route."""
    triples = zip(ek[:-32:3], ek[1:-32:3], ek[2:-32:3], strict=True)
    return all(a | (b & 15) << 8 < _Q and b >> 4 | c << 4 < _Q for a, b, c in triples)


# ---- operations ----


class KeygenOperation(Operation[Keygen]):
    """mlkem_keygen."""

    def ask_function(self, question: Keygen, functions: Functions) -> Answer:
        """See Operation."""
        ek, dk = _keygen(functions, question.parameter_set, question.d, question.z)
        return outputs(ek=ek, dk=dk)


class EncapsOperation(Operation[Encaps]):
    """mlkem_check_ek and mlkem_encaps, or MLKEM_ENCAPS for a key that has to be refused."""

    def refusal(self, question: Encaps) -> str:
        """See Operation."""
        return _ek_refusal(question)

    def fits_window(self, question: Encaps) -> bool:
        """See Operation."""
        return len(question.ek) != SIZES[question.parameter_set].ek or not _is_reduced(question.ek)

    def ask_window(self, question: Encaps, service: Service) -> Answer:
        """See Operation."""
        return _encaps_window(question.parameter_set, question.ek, service)

    def ask_function(self, question: Encaps, functions: Functions) -> Answer:
        """See Operation."""
        parameters, ek = _parameters(functions, question.parameter_set), functions.lend(question.ek)
        if not functions.call("mlkem_check_ek", parameters, ek):
            return Refused()
        c, k = functions.space(SIZES[question.parameter_set].c), functions.space(SECRET_SIZE)
        functions.call("mlkem_encaps", parameters, ek, functions.lend(question.m), c, k)
        return outputs(c=functions.take(c), k=functions.take(k))


class DecapsOperation(Operation[Decaps]):
    """mlkem_check_dk and mlkem_decaps, or MLKEM_DECAPS for a ciphertext of a wrong length."""

    def refusal(self, question: Decaps) -> str:
        """See Operation."""
        if len(question.dk) != SIZES[question.parameter_set].dk:
            return "decapsulation keys of a wrong length: the service takes none, and the functions only whole ones"
        return _decaps_refusal(question)

    def fits_window(self, question: Decaps) -> bool:
        """See Operation."""
        return _has_wrong_ciphertext(question)

    def ask_window(self, question: Decaps, service: Service) -> Answer:
        """See Operation."""
        return _decaps_window(question, service)

    def ask_function(self, question: Decaps, functions: Functions) -> Answer:
        """See Operation."""
        dk = functions.lend(question.dk)
        if not functions.call("mlkem_check_dk", _parameters(functions, question.parameter_set), dk):
            return Refused()
        return outputs(k=_decaps(functions, question.parameter_set, dk, question.c))


class SeedDecapsOperation(Operation[SeedDecaps]):
    """mlkem_keygen and mlkem_decaps, or MLKEM_DECAPS for a ciphertext of a wrong length."""

    def refusal(self, question: SeedDecaps) -> str:
        """See Operation."""
        if len(question.seed) != 2 * SEED_SIZE:
            return "key seeds of a wrong length: the service draws its own, and the functions take only whole ones"
        return _decaps_refusal(question)

    def fits_window(self, question: SeedDecaps) -> bool:
        """See Operation."""
        return _has_wrong_ciphertext(question)

    def ask_window(self, question: SeedDecaps, service: Service) -> Answer:
        """See Operation."""
        return _decaps_window(question, service)

    def ask_function(self, question: SeedDecaps, functions: Functions) -> Answer:
        """See Operation."""
        d, z = question.seed[:SEED_SIZE], question.seed[SEED_SIZE:]
        ek, dk = _keygen(functions, question.parameter_set, d, z)
        return outputs(ek=ek, k=_decaps(functions, question.parameter_set, functions.lend(dk), question.c))


class CheckEncapsulationKeyOperation(Operation[CheckEncapsulationKey]):
    """MLKEM_ENCAPS, which refuses what does not pass. mlkem_check_ek is never the only route."""

    def refusal(self, question: CheckEncapsulationKey) -> str:
        """See Operation."""
        return _ek_refusal(question)

    def fits_window(self, question: CheckEncapsulationKey) -> bool:
        """See Operation."""
        return True

    def ask_window(self, question: CheckEncapsulationKey, service: Service) -> Answer:
        """See Operation."""
        return accepted(isinstance(_encaps_window(question.parameter_set, question.ek, service), Outputs))

    def ask_function(self, question: CheckEncapsulationKey, functions: Functions) -> Answer:
        """See Operation."""
        parameters = _parameters(functions, question.parameter_set)
        return accepted(functions.call("mlkem_check_ek", parameters, functions.lend(question.ek)))


class CheckDecapsulationKeyOperation(Operation[CheckDecapsulationKey]):
    """mlkem_check_dk."""

    def refusal(self, question: CheckDecapsulationKey) -> str:
        """See Operation."""
        if len(question.dk) != SIZES[question.parameter_set].dk:
            return "decapsulation keys of a wrong length: the service takes none, and the functions only whole ones"
        return ""

    def ask_function(self, question: CheckDecapsulationKey, functions: Functions) -> Answer:
        """See Operation."""
        parameters = _parameters(functions, question.parameter_set)
        return accepted(functions.call("mlkem_check_dk", parameters, functions.lend(question.dk)))
