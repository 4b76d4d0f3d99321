# SPDX-License-Identifier: GPL-2.0-or-later
"""MLKEM_DECAPS (KEM-3): the shared secret of a genuine ciphertext, and the implicit rejection of every other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.conformance.dut import Dut
from harness.conformance.support import RawClient, granted, next_nonce, noise, pieces, refused, residue
from harness.conformance.support_pq import (
    CIPHERTEXT_BYTES,
    DECAPS,
    MLKEM_SETS,
    MLKEM_SETS_OUTSIDE,
    MLKEM_SHAPES,
    decapsulate,
    draws,
    encapsulate,
    encapsulate_outside,
    encapsulation_secrets,
    flipped,
    key_bytes,
    key_outside,
    keygen,
    rejection_secret,
)
from harness.default_keys import AES_KEY_ID, ENTROPY, MLDSA_KEY_IDS, MLKEM_KEY_IDS, UNKNOWN_KEY_ID
from harness.model import mlkem as model_mlkem
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, mlkem_slot

_SETS = pytest.mark.parametrize("number", MLKEM_SETS)


def _genuine(dut: Dut, number: int) -> tuple[bytes, bytes, bytes]:
    """A key in the default slot of a service just booted; z, and a ciphertext with its secret, always the same."""
    key = keygen(dut, number)
    z = draws().draw(64)[32:]
    return z, *model_mlkem.encapsulate(key, noise(32, seed=number))


def _rejected(dut: Dut, number: int, z: bytes, ciphertext: bytes, genuine: bytes, what: str) -> None:
    """SUCCESS, with the secret that z and the ciphertext make, which is not the genuine one."""
    secret = decapsulate(dut, number, ciphertext)
    assert secret != genuine, f"{what}: the genuine secret"
    assert secret == rejection_secret(z, ciphertext), what


# ---- genuine ciphertexts ----


@pytest.mark.clause("KEM-3")
@pytest.mark.parametrize("number", MLKEM_SETS_OUTSIDE)
def test_what_is_encapsulated_elsewhere_opens_here(dut: Dut, number: int) -> None:
    """By pyca/cryptography, whose ciphertexts differ each time; and it opens what is encapsulated here."""
    generator = draws()
    for _ in range(3):
        key = keygen(dut, number)
        outside = key_outside(number, generator.draw(64))
        for _ in range(3):
            ciphertext, secret = encapsulate_outside(number, key)
            assert decapsulate(dut, number, ciphertext) == secret
        ciphertext, secret = encapsulate(dut, number, key)
        generator.draw(32)
        assert outside.decapsulate(ciphertext) == secret


@pytest.mark.clause("KEM-3")
@_SETS
def test_ciphertexts_with_any_m(dut: Dut, number: int) -> None:
    """Every bit of m is carried: none of them, all, single ones at either end."""
    key = keygen(dut, number)
    for m in (bytes(32), b"\xff" * 32, b"\x01" + bytes(31), bytes(31) + b"\x80", b"\x55" * 32, noise(32)):
        ciphertext, secret = model_mlkem.encapsulate(key, m)
        assert decapsulate(dut, number, ciphertext) == secret == encapsulation_secrets(key, m)[0]


@pytest.mark.clause("KEM-3")
@_SETS
def test_decapsulation_is_repeatable(dut: Dut, number: int) -> None:
    """The same ciphertext, the same secret: between rejections, encapsulations and other keys' operations."""
    z, ciphertext, secret = _genuine(dut, number)
    for count in range(4):
        assert decapsulate(dut, number, ciphertext) == secret
        _rejected(dut, number, z, flipped(ciphertext, count), secret, f"bit {count}")
        other = MLKEM_SETS[(MLKEM_SETS.index(number) + 1) % 3]
        encapsulate(dut, other, keygen(dut, other))


# ---- implicit rejection ----


def _manipulations(number: int, ciphertext: bytes) -> Iterator[tuple[str, bytes]]:
    """Single bits: of each polynomial of u, of v, high and low ones of a coefficient, first and last bytes."""
    shape = MLKEM_SHAPES[number]
    u_bits, v_bits = 256 * shape.du, 256 * shape.dv
    v_at = shape.k * u_bits
    bits = {0, 7, 8, 8 * len(ciphertext) - 8, 8 * len(ciphertext) - 1, v_at - 1, v_at, v_at + shape.dv - 1}
    for row in range(shape.k):
        start = row * u_bits
        bits |= {start, start + shape.du - 1, start + 100 * shape.du, start + 255 * shape.du, start + u_bits - 1}
    bits |= {v_at + place for place in (31 * shape.dv, 128 * shape.dv, 201 * shape.dv - 1, v_bits - shape.dv)}
    for bit in sorted(bits):
        yield f"{'u' if bit < v_at else 'v'}, bit {bit}", flipped(ciphertext, bit)


@pytest.mark.clause("KEM-3")
@_SETS
def test_every_part_of_a_ciphertext_counts(dut: Dut, number: int) -> None:
    """Most of these bits change nothing of the m that is decrypted: the comparison alone keeps the secret back."""
    z, ciphertext, secret = _genuine(dut, number)
    for what, manipulated in _manipulations(number, ciphertext):
        _rejected(dut, number, z, manipulated, secret, what)
    assert decapsulate(dut, number, ciphertext) == secret


@pytest.mark.slow
@pytest.mark.clause("KEM-3")
@_SETS
def test_every_byte_of_a_ciphertext_counts(dut: Dut, number: int) -> None:
    z, ciphertext, secret = _genuine(dut, number)
    for byte in range(len(ciphertext)):
        for bit in (0, 7):
            _rejected(dut, number, z, flipped(ciphertext, 8 * byte + bit), secret, f"byte {byte}, bit {bit}")


@pytest.mark.clause("KEM-3")
@_SETS
def test_several_changes_at_once(dut: Dut, number: int) -> None:
    """Differences that cancel out when they are added or combined; parts of two genuine ciphertexts."""
    key = keygen(dut, number)
    z = draws().draw(64)[32:]
    ciphertext, secret = model_mlkem.encapsulate(key, noise(32, seed=number))
    other = model_mlkem.encapsulate(key, noise(32, seed=number + 1))[0]
    v_at = 32 * MLKEM_SHAPES[number].k * MLKEM_SHAPES[number].du
    size = len(ciphertext)
    mask = int.from_bytes(ciphertext, "little")
    changed = {
        "the same bit of two bytes": flipped(flipped(ciphertext, 3), 8 * (size - 1) + 3),
        "the same bit of bytes four apart": flipped(flipped(ciphertext, 3), 35),
        "the same bit of every byte": (mask ^ int.from_bytes(b"\x10" * size, "little")).to_bytes(size, "little"),
        "every bit": (mask ^ ((1 << 8 * size) - 1)).to_bytes(size, "little"),
        "u of another": other[:v_at] + ciphertext[v_at:],
        "v of another": ciphertext[:v_at] + other[v_at:],
        "reversed": ciphertext[::-1],
        "by one byte": ciphertext[1:] + ciphertext[:1],
        "zeros": bytes(size),
        "ones": b"\xff" * size,
        "noise": noise(size),
    }
    for what, manipulated in changed.items():
        _rejected(dut, number, z, manipulated, secret, what)


@pytest.mark.clause("KEM-3")
@_SETS
def test_the_rejection_secret_depends_on_the_whole_ciphertext(dut: Dut, number: int) -> None:
    _, ciphertext, genuine = _genuine(dut, number)
    bits = (0, 1, 8 * 100, 8 * 135 + 7, 8 * 136, -8, -1)
    secrets = {decapsulate(dut, number, flipped(ciphertext, bit)) for bit in bits}
    assert len(secrets | {genuine}) == len(bits) + 1


@pytest.mark.clause("KEM-3")
@_SETS
def test_a_ciphertext_for_another_key_is_rejected(dut: Dut, number: int) -> None:
    """Another slot's, of the same set: each key opens its own."""
    dut.keys.replace(KeyImage((mlkem_slot(5, number), mlkem_slot(6, number))))
    generator = draws()
    messages, secrets = {}, {}
    for key_id in (5, 6):
        key = keygen(dut, number, key_id)
        secrets[key_id] = generator.draw(64)[32:]
        messages[key_id] = model_mlkem.encapsulate(key, noise(32, seed=key_id))
    for key_id, (ciphertext, secret) in messages.items():
        assert decapsulate(dut, number, ciphertext, key_id) == secret
        other = 11 - key_id
        assert decapsulate(dut, number, ciphertext, other) == rejection_secret(secrets[other], ciphertext)


# ---- lengths, keys ----


@pytest.mark.clause("KEM-3", "VAL-1")
@_SETS
def test_a_ciphertext_of_another_length_is_an_invalid_payload(dut: Dut, number: int) -> None:
    """One byte off in either direction, the other sets' lengths, none at all, the longest payload."""
    z, ciphertext, secret = _genuine(dut, number)
    size = CIPHERTEXT_BYTES[number]
    lengths = {0, 1, 32, size - 1, size + 1, size - 32, size + 32, 2 * size, 65532, *CIPHERTEXT_BYTES.values()}
    for length in sorted(lengths - {size}):
        refused(dut.mlkem_decaps(MLKEM_KEY_IDS[number], (ciphertext + noise(65532))[:length]), Status.INVALID_PAYLOAD)
    for others in {768, 1088, 1568} - {size}:
        refused(dut.mlkem_decaps(MLKEM_KEY_IDS[number], bytes(others)), Status.INVALID_PAYLOAD)
    head = key_bytes(MLKEM_KEY_IDS[number])
    refused(dut.send(DECAPS, head + ciphertext, payload_length=65537), Status.PAYLOAD_TOO_LARGE)
    # A length that the header claims beyond what was written goes on with zeros.
    refused(dut.send(DECAPS, head + ciphertext, payload_length=len(head) + size + 1), Status.INVALID_PAYLOAD)
    claimed = dut.send(DECAPS, head + ciphertext[:-1], payload_length=len(head) + size)
    assert granted(claimed) == (secret if ciphertext[-1] == 0 else rejection_secret(z, ciphertext[:-1] + b"\0"))
    assert decapsulate(dut, number, ciphertext) == secret


@pytest.mark.clause("KEM-3", "VAL-1")
def test_a_ciphertext_of_another_set(dut: Dut) -> None:
    """Genuine, but of a key of another parameter set; each slot goes on to open its own."""
    own = {number: encapsulate(dut, number, keygen(dut, number)) for number in MLKEM_SETS}
    for number in MLKEM_SETS:
        for other in MLKEM_SETS:
            response = dut.mlkem_decaps(MLKEM_KEY_IDS[number], own[other][0])
            if other == number:
                assert granted(response) == own[number][1]
            else:
                refused(response, Status.INVALID_PAYLOAD)


@pytest.mark.clause("KEM-3", "VAL-1")
def test_structure_comes_before_the_key_and_the_key_before_the_size(dut: Dut) -> None:
    keygen(dut, 512)
    corrupt = MLKEM_KEY_IDS[512]
    dut.keys.corrupt(corrupt)
    for key_id in (UNKNOWN_KEY_ID, 0, AES_KEY_ID, MLDSA_KEY_IDS[44], MLKEM_KEY_IDS[768], corrupt):
        for cut in range(4):
            refused(dut.send(DECAPS, key_bytes(key_id)[:cut]), Status.INVALID_PAYLOAD)
        for size in (0, 1, 767, 768, 769, 1088):
            refused(dut.mlkem_decaps(key_id, bytes(size)), Status.KEY_NOT_FOUND)
    dut.keys.repair()
    refused(dut.mlkem_decaps(corrupt, bytes(767)), Status.INVALID_PAYLOAD)
    decapsulate(dut, 512, bytes(768))


# ---- draws, error state ----


@pytest.mark.clause("RNG-2")
def test_decapsulation_draws_nothing(dut: Dut) -> None:
    """Neither of a genuine ciphertext nor of a manipulated one."""
    generator = draws()
    for number in MLKEM_SETS:
        key = keygen(dut, number)
        generator.draw(64)
        ciphertext, secret = model_mlkem.encapsulate(key, noise(32))
        assert decapsulate(dut, number, ciphertext) == secret
        decapsulate(dut, number, flipped(ciphertext, -1))
        refused(dut.mlkem_decaps(MLKEM_KEY_IDS[number], ciphertext[1:]), Status.INVALID_PAYLOAD)
        refused(dut.mlkem_decaps(UNKNOWN_KEY_ID, ciphertext), Status.KEY_NOT_FOUND)
        assert next_nonce(dut) == generator.draw(12)


@pytest.mark.clause("RNG-3", "VAL-1")
def test_without_entropy_nothing_is_decapsulated(dut: Dut) -> None:
    """Before the lack of a key, which is check 6, and before the ciphertext's length, which is check 7."""
    dut.boot(bytes(48))
    for key_id in (*MLKEM_KEY_IDS.values(), UNKNOWN_KEY_ID, 0, AES_KEY_ID):
        for size in (0, 767, 768, 1088, 1568):
            refused(dut.mlkem_decaps(key_id, bytes(size)), Status.CRYPTO_ERROR)
        refused(dut.send(DECAPS, key_bytes(key_id)[:3]), Status.INVALID_PAYLOAD)
    dut.boot(ENTROPY)
    _, ciphertext, secret = _genuine(dut, 512)
    assert decapsulate(dut, 512, ciphertext) == secret


# ---- what stays behind ----


@pytest.mark.clause("KEM-3", "IPC-5")
@_SETS
def test_neither_m_nor_secret_stays_in_memory(dut: Dut, number: int) -> None:
    """m, both halves of G(m || H(ek)) and the rejection secret: of a genuine ciphertext and of a manipulated one."""
    generator = draws()
    key = keygen(dut, number)
    z = generator.draw(64)[32:]
    m = noise(32, seed=9)
    ciphertext, secret = model_mlkem.encapsulate(key, m)
    randomness = encapsulation_secrets(key, m)[1]
    for sent in (ciphertext, flipped(ciphertext, 8 * len(ciphertext) - 1)):
        decapsulate(dut, number, sent)
        for name, needle in (
            ("m", m),
            ("shared secret", secret),
            ("encryption randomness", randomness),
            ("rejection secret", rejection_secret(z, sent)),
        ):
            assert residue(dut, pieces(needle, 1)) == [], name


@pytest.mark.clause("KEM-3", "IPC-5")
@_SETS
def test_the_answer_is_the_secret_and_nothing_else(dut: Dut, number: int) -> None:
    """Genuine or not, the response area looks the same: 32 bytes, and zeros behind them."""
    client = RawClient(dut)
    _, ciphertext, _ = _genuine(dut, number)
    for sent in (ciphertext, flipped(ciphertext, 0)):
        granted(dut.aes_encrypt(AES_KEY_ID, bytes(3000)))
        secret = decapsulate(dut, number, sent)
        area = client.response
        assert area[:40] == b"\xc8\x01\0\0\x20\0\0\0" + secret
        assert not any(area[40:])
