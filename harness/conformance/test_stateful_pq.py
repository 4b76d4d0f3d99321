# SPDX-License-Identifier: GPL-2.0-or-later
"""The state machine of `test_stateful`, which signs, verifies, generates, encapsulates and decapsulates as well.

Asserted from a bookkeeping of its own: which signatures are valid, and to which generated keys ciphertexts belong.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, multiple, rule

from harness.conformance.dut import Dut
from harness.conformance.support import noise
from harness.conformance.support_pq import flipped, signed, verifies_outside, with_coefficient
from harness.conformance.test_stateful import PARTS, ServiceMachine, run_machine
from harness.default_keys import (
    MLDSA_KEY_IDS,
    MLDSA_PUBLIC_KEY_IDS,
    MLDSA_SEEDS,
    MLKEM_KEY_IDS,
    PEER_MLDSA_SEEDS,
    mldsa_public_key,
)
from harness.protocol.codec import Response
from harness.protocol.commands import Status


@dataclass(frozen=True)
class Signed:
    """A signature, and the public key under which it is valid."""

    number: int
    public_key: bytes
    message: bytes
    context: bytes
    signature: bytes


@dataclass(frozen=True)
class Encapsulated:
    """A ciphertext, its secret, and the encapsulation key that both belong to."""

    number: int
    encapsulation_key: bytes
    ciphertext: bytes
    secret: bytes


_SIGNING_SETS = st.sampled_from(tuple(MLDSA_KEY_IDS))
_MESSAGE_SIZES = st.sampled_from((0, 1, 70, 3000))
_KEM_SETS = st.sampled_from(tuple(MLKEM_KEY_IDS))
_PQ_KEY_IDS = st.sampled_from((*MLDSA_KEY_IDS.values(), *MLDSA_PUBLIC_KEY_IDS.values(), *MLKEM_KEY_IDS.values()))


class PostQuantumMachine(ServiceMachine):
    """The rules of AES, and those of ML-DSA and ML-KEM between them."""

    signatures = Bundle("signatures")
    ciphertexts = Bundle("ciphertexts")

    def __init__(self) -> None:
        super().__init__()
        self.generated: dict[int, bytes] = {}

    # ---- ML-DSA ----

    @initialize(target=signatures)
    def foreign_signatures(self) -> object:
        """Valid ones, made elsewhere, under the keys of either slot of each parameter set."""
        return multiple(
            *(
                Signed(number, mldsa_public_key(number, seed), b"text", b"for", signed(number, seed, b"text", b"for"))
                for seeds in (MLDSA_SEEDS, PEER_MLDSA_SEEDS)
                for number, seed in seeds.items()
            )
        )

    @rule(target=signatures, number=_SIGNING_SETS, size=_MESSAGE_SIZES, context=st.binary(max_size=3))
    def sign(self, number: int, size: int, context: bytes) -> object:
        key_id, message = MLDSA_KEY_IDS[number], noise(size, seed=size)
        response = self.dut.mldsa_sign(key_id, message, context)
        if response.status is not Status.SUCCESS:
            assert response.status is Status.RATE_LIMITED or self.damaged, response.status.name
            return multiple()
        public_key = self._public_key(key_id, number)
        assert verifies_outside(number, public_key, response.payload, message, context)
        return Signed(number, public_key, message, context, response.payload)

    @rule(message=signatures)
    def verify(self, message: Signed) -> None:
        """With the slot that signed it, and with the slot of another public key."""
        for ids in (MLDSA_KEY_IDS, MLDSA_PUBLIC_KEY_IDS):
            key_id = ids[message.number]
            response = self.dut.mldsa_verify(key_id, message.signature, message.message, message.context)
            valid = self._public_key(key_id, message.number) == message.public_key
            self._answered(response, Status.SUCCESS if valid else Status.CRYPTO_ERROR)

    @rule(message=signatures, bit=st.integers(0, 8 * 2420 - 1))
    def forge_signature(self, message: Signed, bit: int) -> None:
        forged = flipped(message.signature, bit)
        response = self.dut.mldsa_verify(MLDSA_KEY_IDS[message.number], forged, message.message, message.context)
        self._answered(response, Status.CRYPTO_ERROR)

    @rule(number=_SIGNING_SETS)
    def sign_with_a_public_key(self, number: int) -> None:
        self._answered(self.dut.mldsa_sign(MLDSA_PUBLIC_KEY_IDS[number], b"text"), Status.KEY_NOT_FOUND)

    # ---- ML-KEM ----

    @initialize(target=ciphertexts)
    def first_keys(self) -> object:
        """Every slot has a key at first, and each key a ciphertext."""
        return multiple(*(self._generate(number) for number in MLKEM_KEY_IDS))

    @rule(target=ciphertexts, number=_KEM_SETS)
    def generate(self, number: int) -> object:
        made = self._generate(number)
        return multiple() if made is None else made

    @rule(target=ciphertexts, message=ciphertexts)
    def encapsulate(self, message: Encapsulated) -> object:
        """To the same key, its slot's own or not any more; and back."""
        made = self._encapsulate(message.number, message.encapsulation_key)
        if made is None:
            return multiple()
        self._decapsulate(made)
        return made

    @rule(message=ciphertexts)
    def decapsulate(self, message: Encapsulated) -> None:
        self._decapsulate(message)

    @rule(message=ciphertexts, bit=st.integers(0, 8 * 768 - 1))
    def manipulate(self, message: Encapsulated, bit: int) -> None:
        self._decapsulates(message, flipped(message.ciphertext, bit), genuine=False)

    @rule(message=ciphertexts, index=st.integers(0, 511))
    def encapsulate_to_a_key_that_is_not_reduced(self, message: Encapsulated, index: int) -> None:
        bad = with_coefficient(message.encapsulation_key, index, 0xFFF)
        response = self.dut.mlkem_encaps(bad)
        assert response.status in (Status.CRYPTO_ERROR, Status.RATE_LIMITED), response.status.name

    # ---- key manager ----

    @rule(key_id=_PQ_KEY_IDS, new=st.booleans())
    def rotate_another(self, key_id: int, new: bool) -> None:
        self.rotations += 1
        slot = self.dut.keys.image.slot(key_id)
        fresh = noise(len(slot.material), seed=2000 + self.rotations)
        self.dut.keys.rotate(key_id, fresh if new else None)
        self.damaged = False
        self._forget_generated(key_id)

    @rule(key_id=_PQ_KEY_IDS, part=PARTS)
    def damage_another(self, key_id: int, part: str) -> None:
        self.dut.keys.repair()
        self.dut.keys.corrupt(key_id, part)  # type: ignore[arg-type]
        self.damaged = True
        if part == "key_id":
            self._forget_generated(key_id)

    # ---- bookkeeping ----

    def forget_all(self) -> None:
        super().forget_all()
        self.generated.clear()

    def _forget_generated(self, key_id: int) -> None:
        """The next request for the id sees that its key is another, or gone."""
        self.dut.clock.advance(200_000)
        assert self.dut.mlkem_decaps(key_id, b"").status is Status.KEY_NOT_FOUND
        self.generated = {number: key for number, key in self.generated.items() if MLKEM_KEY_IDS[number] != key_id}

    def _public_key(self, key_id: int, number: int) -> bytes:
        material = self._material(key_id)
        return mldsa_public_key(number, material) if len(material) == 32 else material

    def _answered(self, response: Response, wanted: Status) -> None:
        """This status, unless the limiter or damage came first."""
        if response.status is Status.KEY_NOT_FOUND:
            assert self.damaged or wanted is Status.KEY_NOT_FOUND
        else:
            assert response.status in (wanted, Status.RATE_LIMITED), response.status.name

    def _generate(self, number: int) -> Encapsulated | None:
        response = self.dut.mlkem_keygen(MLKEM_KEY_IDS[number])
        if response.status is not Status.SUCCESS:
            assert response.status is Status.RATE_LIMITED or self.damaged, response.status.name
            return None
        self.generated[number] = response.payload
        return self._encapsulate(number, response.payload)

    def _encapsulate(self, number: int, key: bytes) -> Encapsulated | None:
        """No damage to the storage keeps this back."""
        response = self.dut.mlkem_encaps(key)
        if response.status is not Status.SUCCESS:
            assert response.status is Status.RATE_LIMITED, response.status.name
            return None
        return Encapsulated(number, key, response.payload[:-32], response.payload[-32:])

    def _decapsulate(self, message: Encapsulated) -> None:
        genuine = self.generated.get(message.number) == message.encapsulation_key
        self._decapsulates(message, message.ciphertext, genuine)

    def _decapsulates(self, message: Encapsulated, ciphertext: bytes, genuine: bool) -> None:
        response = self.dut.mlkem_decaps(MLKEM_KEY_IDS[message.number], ciphertext)
        known = message.number in self.generated
        self._answered(response, Status.SUCCESS if known else Status.KEY_NOT_FOUND)
        if response.status is Status.SUCCESS:
            assert (response.payload == message.secret) is genuine


_POST_QUANTUM = ("DSA-1", "DSA-2", "KEM-1", "KEM-2", "KEM-3", "IPC-6", "KEY-2", "KEY-3", "RNG-2", "VAL-1")


@pytest.mark.clause(*_POST_QUANTUM)
def test_any_sequence_with_signatures_and_encapsulations(dut: Dut) -> None:
    device = dut

    class Bound(PostQuantumMachine):
        dut = device

    run_machine(Bound, 50)


@pytest.mark.slow
@pytest.mark.clause(*_POST_QUANTUM)
def test_many_sequences_with_signatures_and_encapsulations(dut: Dut) -> None:
    device = dut

    class Bound(PostQuantumMachine):
        dut = device

    run_machine(Bound, 250)
