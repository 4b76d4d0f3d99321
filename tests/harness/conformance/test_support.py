# SPDX-License-Identifier: GPL-2.0-or-later
"""What the conformance modules share finds what they rely on it to find."""

from __future__ import annotations

import pytest

from harness.conformance import support
from harness.conformance.dut import ContractViolation, Dut
from harness.default_keys import AES_KEY_ID, SECOND_AES_KEY_ID, UNKNOWN_KEY_ID
from harness.protocol import codec
from harness.protocol.codec import Response
from harness.protocol.commands import Status
from harness.targets.emulated import EmulatedTarget
from harness.targets.model import ModelTarget


def test_bit_flips_change_each_bit_once() -> None:
    flips = dict(support.bit_flips(b"\x00\xff"))
    assert list(flips) == list(range(16))
    assert flips[0] == b"\x01\xff"
    assert flips[15] == b"\x00\x7f"
    assert len(set(flips.values())) == 16


def test_pieces_cover_a_secret() -> None:
    secret = support.noise(40)
    assert support.pieces(secret) == [secret[:16], secret[16:32]]
    assert len(support.pieces(secret, 1)) == 25
    assert support.pieces(secret[:15]) == []


def test_a_change_is_named_by_its_fields() -> None:
    assert support.change_name({"generation": 2, "material": bytes(31)}) == "generation=2 material=31"


def test_refused_and_granted_tell_responses_apart() -> None:
    support.refused(Response(Status.NONCE_REUSE), Status.NONCE_REUSE)
    assert support.granted(Response(Status.SUCCESS, b"text")) == b"text"
    with pytest.raises(ContractViolation, match="status SUCCESS, not NONCE_REUSE"):
        support.refused(Response(Status.SUCCESS), Status.NONCE_REUSE)
    with pytest.raises(ContractViolation, match="NONCE_REUSE carries 4 bytes"):
        support.refused(Response(Status.NONCE_REUSE, b"text"), Status.NONCE_REUSE)
    with pytest.raises(ContractViolation, match="status NONCE_REUSE, not SUCCESS"):
        support.granted(Response(Status.NONCE_REUSE))


@pytest.mark.parametrize("status", list(support.REFUSALS), ids=lambda status: status.name)
def test_each_refusal_is_the_one_that_it_claims_to_be(status: Status) -> None:
    assert support.REFUSALS[status](Dut(ModelTarget())).status is status


def test_there_is_a_refusal_for_every_status() -> None:
    assert set(support.REFUSALS) == set(Status) - {Status.SUCCESS}


def test_the_default_keys_are_the_ones_written_here() -> None:
    dut = Dut(ModelTarget())
    for key_id, key in support.KEYS.items():
        assert support.open_outside(key, dut.seal(key_id, b"text", b"aad"), b"aad") == b"text"
        sealed = support.seal_outside(key_id, support.nonce_number(1), b"text", b"aad")
        assert support.granted(dut.aes_decrypt(key_id, support.nonce_number(1), *sealed, b"aad")) == b"text"


def test_a_raw_client_notices_what_is_not_answered(emulated: EmulatedTarget) -> None:
    client = support.RawClient(Dut(emulated))
    request = codec.aes_encrypt(AES_KEY_ID, b"", b"text")
    assert client.exchange(request, 5).status is Status.SUCCESS
    with pytest.raises(ContractViolation, match="payload: differs from byte 0"):
        client.exchange(request, 5)


@pytest.mark.parametrize("place", [0, 1, 4080, 4090, 8191, 0x4000 - 16])
@pytest.mark.parametrize("secret", [support.noise(16), bytes(8) + support.noise(8), support.noise(8) + bytes(8)])
def test_residue_is_found_wherever_it_lies(emulated: EmulatedTarget, place: int, secret: bytes) -> None:
    dut = Dut(emulated)
    assert support.residue(dut, [secret]) == []
    emulated.machine.write(emulated.board.stack.base + place, secret)
    assert support.residue(dut, [support.noise(16, seed=2), secret]) == [f"stack at {0x20001000 + place:#010x}"]


def test_ageing_a_key_reaches_firmware_and_model(emulated: EmulatedTarget) -> None:
    dut = Dut(emulated)
    dut.seal(SECOND_AES_KEY_ID)
    dut.seal(AES_KEY_ID)
    support.set_encryptions(dut, AES_KEY_ID, 2**32)
    assert dut.aes_encrypt(AES_KEY_ID).status is Status.NONCE_REUSE
    assert dut.aes_encrypt(SECOND_AES_KEY_ID).status is Status.SUCCESS
    support.set_recorded(dut, SECOND_AES_KEY_ID, 1_000_000)
    assert dut.aes_decrypt(SECOND_AES_KEY_ID, bytes(12), b"", bytes(16)).status is Status.NONCE_REUSE
    with pytest.raises(ContractViolation, match="remembers nothing of key"):
        support.state_of(dut, UNKNOWN_KEY_ID)
