# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-DSA (FIPS 204) with its three parameter sets, pure.

Verification goes through the window. Signing does not: the service keeps seeds only and chooses its own randomness, so
that a signature with a given key or given randomness is a call. So is what has no context: algorithms 7 and 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from emulator.calls import Buffer
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.commands import Algorithm, Status
from harness.vectors.questions import Answer, Operation, Question, Refused, accepted, outputs, succeeded
from harness.vectors.routes import CaseFailed, Functions, Service

ALGORITHM = "ML-DSA"
SEED_SIZE = 32
RND_SIZE = 32
DETERMINISTIC = bytes(RND_SIZE)

_CONTEXT_MAX = 255
_SIGNATURE_MAX = (1 << 16) - 1  # signature_length is a u16
_SCRATCH = 80 << 10  # struct mldsa_scratch, with room to spare


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of public key, secret key and signature (FIPS 204, table 2)."""

    pk: int
    sk: int
    signature: int


SIZES = {44: Sizes(1312, 2560, 2420), 65: Sizes(1952, 4032, 3309), 87: Sizes(2592, 4896, 4627)}


@dataclass(frozen=True, slots=True)
class Keygen(Question):
    """ML-DSA.KeyGen_internal: pk, sk. The seed has 32 bytes."""

    parameter_set: int
    seed: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """What is signed. Without a context `content` is M', for algorithms 7 and 8."""

    content: bytes
    context: bytes | None


@dataclass(frozen=True, slots=True)
class Sign(Question):
    """ML-DSA.Sign or, without a context, ML-DSA.Sign_internal: signature. rnd has 32 bytes, zeros for deterministic."""

    parameter_set: int
    sk: bytes
    message: Message
    rnd: bytes


@dataclass(frozen=True, slots=True)
class SeedSign(Question):
    """The same with the key of a seed: pk, signature."""

    parameter_set: int
    seed: bytes
    message: Message
    rnd: bytes


@dataclass(frozen=True, slots=True)
class Verify(Question):
    """ML-DSA.Verify or, without a context, ML-DSA.Verify_internal."""

    REFUSABLE: ClassVar[bool] = True

    parameter_set: int
    pk: bytes
    message: Message
    signature: bytes


# ---- what several operations do ----


def _parameters(functions: Functions, parameter_set: int) -> int:
    """struct mldsa_parameters of firmware/crypto/mldsa.h."""
    return functions.address(f"mldsa_{parameter_set}")


def _keygen(functions: Functions, parameter_set: int, seed: bytes) -> tuple[bytes, bytes]:
    sizes = SIZES[parameter_set]
    pk, sk, scratch = functions.space(sizes.pk), functions.space(sizes.sk), functions.context(_SCRATCH)
    functions.call("mldsa_keygen", _parameters(functions, parameter_set), functions.lend(seed), pk, sk, scratch)
    return functions.take(pk), functions.take(sk)


def _message(functions: Functions, message: Message) -> tuple[Buffer | int, ...]:
    """The arguments from context to message."""
    content = (functions.lend(message.content), len(message.content))
    if message.context is None:
        return content
    return functions.lend(message.context), len(message.context), *content


def _sign(functions: Functions, parameter_set: int, sk: bytes, message: Message, rnd: bytes) -> bytes | None:
    """The signature, or None when it is refused, with zeros in its place."""
    signature, scratch = functions.space(SIZES[parameter_set].signature), functions.context(_SCRATCH)
    signed = functions.call(
        "mldsa_sign_internal" if message.context is None else "mldsa_sign",
        _parameters(functions, parameter_set),
        functions.lend(sk),
        *_message(functions, message),
        functions.lend(rnd),
        signature,
        scratch,
    )
    made = functions.take(signature)
    if signed:
        return made
    if any(made):
        raise CaseFailed("signing was refused, but its output is not zeros")
    return None


# ---- operations ----


class KeygenOperation(Operation[Keygen]):
    """mldsa_keygen."""

    def ask_function(self, question: Keygen, functions: Functions) -> Answer:
        """See Operation."""
        pk, sk = _keygen(functions, question.parameter_set, question.seed)
        return outputs(pk=pk, sk=sk)


class SignOperation(Operation[Sign]):
    """mldsa_sign, mldsa_sign_internal."""

    def refusal(self, question: Sign) -> str:
        """See Operation."""
        if len(question.sk) != SIZES[question.parameter_set].sk:
            return "secret keys of a wrong length: the service takes none, and the functions only whole ones"
        return ""

    def ask_function(self, question: Sign, functions: Functions) -> Answer:
        """See Operation."""
        signature = _sign(functions, question.parameter_set, question.sk, question.message, question.rnd)
        return Refused() if signature is None else outputs(signature=signature)


class SeedSignOperation(Operation[SeedSign]):
    """mldsa_keygen and mldsa_sign; MLDSA_SIGN with a slot whose seed has a wrong length."""

    def refusal(self, question: SeedSign) -> str:
        """See Operation."""
        if len(question.seed) == SEED_SIZE:
            return ""
        if len(question.seed) > table.KEY_SLOT_MATERIAL_MAX:
            return "seeds that are too long for a key slot"
        context = question.message.context
        if context is None or len(context) > _CONTEXT_MAX:
            return "seeds of a wrong length together with what no request can hold"
        return ""

    def fits_window(self, question: SeedSign) -> bool:
        """See Operation."""
        return len(question.seed) != SEED_SIZE

    def ask_window(self, question: SeedSign, service: Service) -> Answer:
        """See Operation."""
        key_id = service.use_key(Algorithm.MLDSA, question.parameter_set, question.seed)
        response = service.exchange(codec.mldsa_sign(key_id, question.message.context or b"", question.message.content))
        return outputs(signature=response.payload) if succeeded(response, Status.KEY_NOT_FOUND) else Refused()

    def ask_function(self, question: SeedSign, functions: Functions) -> Answer:
        """See Operation."""
        pk, sk = _keygen(functions, question.parameter_set, question.seed)
        signature = _sign(functions, question.parameter_set, sk, question.message, question.rnd)
        return Refused() if signature is None else outputs(pk=pk, signature=signature)


class VerifyOperation(Operation[Verify]):
    """MLDSA_VERIFY with the public key in a slot; mldsa_verify where a context or message is too long for a request,
    mldsa_verify_internal without a context."""

    def refusal(self, question: Verify) -> str:
        """See Operation."""
        length = len(question.pk)
        if length == SIZES[question.parameter_set].pk:
            return ""
        if length == SEED_SIZE:
            return "public keys as long as a seed: a slot would hold a seed"
        if length > table.KEY_SLOT_MATERIAL_MAX:
            return "public keys that are too long for a key slot"
        return "" if self.fits_window(question) else "public keys of a wrong length with what no request can hold"

    def fits_window(self, question: Verify) -> bool:
        """See Operation."""
        context = question.message.context
        if context is None or len(context) > _CONTEXT_MAX or len(question.signature) > _SIGNATURE_MAX:
            return False
        sent = len(context) + len(question.signature) + len(question.message.content)
        return table.MLDSA_VERIFY.minimum_payload + sent <= table.MAX_PAYLOAD

    def ask_window(self, question: Verify, service: Service) -> Answer:
        """See Operation. A key that is not accepted is no key; a signature is measured before it is verified."""
        sizes = SIZES[question.parameter_set]
        refused = Status.CRYPTO_ERROR if len(question.signature) == sizes.signature else Status.INVALID_PAYLOAD
        if len(question.pk) != sizes.pk:
            refused = Status.KEY_NOT_FOUND
        key_id = service.use_key(Algorithm.MLDSA, question.parameter_set, question.pk)
        message = question.message
        response = service.exchange(
            codec.mldsa_verify(key_id, message.context or b"", question.signature, message.content)
        )
        return accepted(succeeded(response, refused))

    def ask_function(self, question: Verify, functions: Functions) -> Answer:
        """See Operation."""
        verified = functions.call(
            "mldsa_verify_internal" if question.message.context is None else "mldsa_verify",
            _parameters(functions, question.parameter_set),
            functions.lend(question.pk),
            *_message(functions, question.message),
            functions.lend(question.signature),
            len(question.signature),
            functions.context(_SCRATCH),
        )
        return accepted(verified)
