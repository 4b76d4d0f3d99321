# SPDX-License-Identifier: GPL-2.0-or-later
"""The order of checks and the operations, by the statuses and bytes that the contract demands."""

from itertools import combinations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from harness.model import Model, ModelError, mldsa, mlkem
from harness.model.drbg import CtrDrbg
from harness.protocol import codec
from harness.protocol.codec import RawRequest, Response
from harness.protocol.commands import Status
from harness.protocol.key_image import KeyImage, KeySlot, aes_slot, corrupt

ENTROPY = bytes(range(48))
KEY = bytes(range(32))
NONCE = b"twelve bytes"
IMAGE = KeyImage((aes_slot(1, KEY), KeySlot(2, 3, 512, 1, b""))).build()


@pytest.fixture
def model() -> Model:
    return Model(ENTROPY, IMAGE)


def decrypt_request(nonce: bytes, plaintext: bytes = b"text", aad: bytes = b"aad", key_id: int = 1) -> bytes:
    sealed = AESGCM(KEY).encrypt(nonce, plaintext, aad)
    return codec.aes_decrypt(key_id, nonce, aad, sealed[:-16], sealed[-16:])


def altered(request: bytes, position: int) -> bytes:
    changed = bytearray(request)
    changed[position] ^= 1
    return bytes(changed)


# Every check that AES_DECRYPT can fail, in the order of VAL-1.
CHECKS = {
    "rate": Status.RATE_LIMITED,
    "header": Status.INVALID_HEADER,
    "type": Status.INVALID_TYPE,
    "size": Status.PAYLOAD_TOO_LARGE,
    "structure": Status.INVALID_PAYLOAD,
    "error state": Status.CRYPTO_ERROR,
    "key": Status.KEY_NOT_FOUND,
    "nonce": Status.NONCE_REUSE,
    "operation": Status.DECRYPTION_FAILED,
}


def failing(model: Model, checks: set[str]) -> Response:
    """The answer to an AES_DECRYPT request that fails exactly `checks`."""
    assert model.exchange(decrypt_request(NONCE), 0).status == Status.SUCCESS
    request = decrypt_request(NONCE if "nonce" in checks else NONCE[::-1], key_id=9 if "key" in checks else 1)
    payload = altered(request, -1)[8:] if "operation" in checks else request[8:]
    payload = payload[:33] if "structure" in checks else payload
    raw = RawRequest(
        type=0x99 if "type" in checks else 0x02,
        payload=payload,
        magic=0xC8 if "header" in checks else 0xC7,
        payload_length=65537 if "size" in checks else None,
    )
    if "rate" in checks:
        while model.exchange(b"", 0).status != Status.RATE_LIMITED:
            pass
    model.in_error_state = "error state" in checks
    return model.exchange(raw.encode(), 0)


@pytest.mark.parametrize("check", CHECKS)
def test_each_check(model: Model, check: str) -> None:
    assert failing(model, {check}) == Response(CHECKS[check])


@pytest.mark.parametrize(("first", "second"), list(combinations(CHECKS, 2)))
def test_first_failing_check_decides(model: Model, first: str, second: str) -> None:
    assert failing(model, {first, second}) == Response(CHECKS[first])


def test_no_failing_check(model: Model) -> None:
    assert failing(model, set()) == Response(Status.SUCCESS, b"text")


@pytest.mark.parametrize("field", ["magic", "version", "flags"])
@pytest.mark.parametrize("value", [0, 1, 2, 0x80, 0xC6, 0xC7, 0xC8, 0xFF])
def test_header_bytes(model: Model, field: str, value: int) -> None:
    good = {"magic": 0xC7, "version": 1, "flags": 0}[field]
    raw = RawRequest(0x01, codec.aes_encrypt(1, b"", b"")[8:], **{field: value})
    expected = Status.SUCCESS if value == good else Status.INVALID_HEADER
    assert model.exchange(raw.encode(), 0).status == expected


@pytest.mark.parametrize("code", range(256))
def test_types(model: Model, code: int) -> None:
    """An empty payload is too short for each of the seven operations."""
    expected = Status.INVALID_PAYLOAD if code in (1, 2, 0x10, 0x11, 0x20, 0x21, 0x22) else Status.INVALID_TYPE
    assert model.exchange(codec.encode_request(code), 0).status == expected


@pytest.mark.parametrize(
    ("length", "expected"), [(65536, 0x06), (65537, 0x09), (0x10000 + 50, 0x09), (0xFFFF_FFFF, 0x09)]
)
def test_largest_payload(model: Model, length: int, expected: int) -> None:
    raw = RawRequest(0x02, b"\1" + bytes(65535), payload_length=length)
    assert model.exchange(raw.encode(), 0).status == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", Status.INVALID_PAYLOAD),
        (b"\1\0\0\0\0", Status.INVALID_PAYLOAD),
        (b"\1\0\0\0\0\0", Status.SUCCESS),
        (b"\1\0\0\0\1\0", Status.INVALID_PAYLOAD),
        (b"\1\0\0\0\1\0a", Status.SUCCESS),
        (b"\1\0\0\0\xff\xff" + bytes(65530), Status.INVALID_PAYLOAD),
        (b"\1\0\0\0\xfa\xff" + bytes(65530), Status.SUCCESS),
        (b"\1\0\0\0\0\0" + bytes(65508), Status.SUCCESS),
        (b"\1\0\0\0\0\0" + bytes(65509), Status.PAYLOAD_TOO_LARGE),
        (b"\1\0\0\0\1\0" + bytes(65510), Status.PAYLOAD_TOO_LARGE),
        (b"\1\0\0\0\2\0" + bytes(65510), Status.SUCCESS),
        (b"\x09\0\0\0\0\0" + bytes(65509), Status.PAYLOAD_TOO_LARGE),
    ],
)
def test_aes_encrypt_structure(model: Model, payload: bytes, expected: Status) -> None:
    assert model.exchange(codec.encode_request(0x01, payload), 0).status == expected


@pytest.mark.parametrize(
    ("aad_length", "behind", "expected"),
    [
        (0, 15, Status.INVALID_PAYLOAD),
        (0, 16, Status.DECRYPTION_FAILED),
        (1, 16, Status.INVALID_PAYLOAD),
        (1, 17, Status.DECRYPTION_FAILED),
        (0xFFFF, 17, Status.INVALID_PAYLOAD),
        (65502, 65518, Status.DECRYPTION_FAILED),
        (65503, 65518, Status.INVALID_PAYLOAD),
    ],
)
def test_aes_decrypt_structure(model: Model, aad_length: int, behind: int, expected: Status) -> None:
    payload = b"\1\0\0\0" + bytes(12) + aad_length.to_bytes(2, "little") + bytes(behind)
    assert model.exchange(codec.encode_request(0x02, payload), 0).status == expected


def test_response_size_comes_before_the_error_state() -> None:
    model = Model(bytes(48), IMAGE)
    assert model.exchange(codec.aes_encrypt(1, b"", bytes(65509)), 0).status == Status.PAYLOAD_TOO_LARGE
    assert model.exchange(codec.aes_encrypt(9, b"", bytes(65508)), 0).status == Status.CRYPTO_ERROR


@pytest.mark.parametrize("request_", [b"", b"\xc7", b"\xc7\1", b"\xc7\1\1\0\0\0\0"])
def test_header_goes_on_with_zeros(request_: bytes) -> None:
    padded = request_ + bytes(8 - len(request_))
    assert Model(ENTROPY, IMAGE).exchange(request_, 0) == Model(ENTROPY, IMAGE).exchange(padded, 0)


def test_payload_goes_on_with_zeros() -> None:
    short = RawRequest(0x01, b"\1", payload_length=46).encode()
    padded = RawRequest(0x01, b"\1" + bytes(45)).encode()
    answer = Model(ENTROPY, IMAGE).exchange(short, 0)
    assert answer == Model(ENTROPY, IMAGE).exchange(padded, 0)
    assert len(answer.payload) == 12 + 40 + 16


def test_bytes_behind_the_payload_do_not_count() -> None:
    request = codec.aes_encrypt(1, b"a", b"text")
    assert Model(ENTROPY, IMAGE).exchange(request + b"more", 0) == Model(ENTROPY, IMAGE).exchange(request, 0)


def test_request_larger_than_the_area(model: Model) -> None:
    with pytest.raises(ModelError, match="65545 bytes do not fit"):
        model.exchange(bytes(65545), 0)


@given(st.lists(st.tuples(st.binary(max_size=60), st.binary(max_size=200)), max_size=8))
def test_encryptions_are_predicted_bit_for_bit(messages: list[tuple[bytes, bytes]]) -> None:
    model, generator = Model(ENTROPY, IMAGE), CtrDrbg(ENTROPY)
    generator.generate(16)  # RNG-2: the hash key, at boot
    for aad, plaintext in messages:
        nonce = generator.generate(12)
        expected = nonce + AESGCM(KEY).encrypt(nonce, plaintext, aad)
        assert model.exchange(codec.aes_encrypt(1, aad, plaintext), 0) == Response(Status.SUCCESS, expected)


@given(st.binary(max_size=60), st.binary(max_size=200))
def test_what_was_encrypted_decrypts_once(aad: bytes, plaintext: bytes) -> None:
    model = Model(ENTROPY, IMAGE)
    sealed = model.exchange(codec.aes_encrypt(1, aad, plaintext), 0).payload
    request = codec.aes_decrypt(1, sealed[:12], aad, sealed[12:-16], sealed[-16:])
    assert model.exchange(request, 0) == Response(Status.SUCCESS, plaintext)
    assert model.exchange(request, 0) == Response(Status.NONCE_REUSE)


def test_draws_of_all_operations_follow_one_another() -> None:
    """RNG-2: one generate call each, of 12, 32, 64 and 32 bytes; verification and decapsulation draw nothing."""
    slots = (aes_slot(1, KEY), KeySlot(2, 2, 44, 1, KEY), KeySlot(3, 3, 512, 1, b""))
    model, generator = Model(ENTROPY, KeyImage(slots).build()), CtrDrbg(ENTROPY)
    generator.generate(16)

    def succeed(request: bytes) -> bytes:
        response = model.exchange(request, 0)
        assert response.status == Status.SUCCESS
        return response.payload

    for _ in range(2):
        assert succeed(codec.aes_encrypt(1, b"", b""))[:12] == generator.generate(12)
        signature = succeed(codec.mldsa_sign(2, b"context", b"message"))
        assert signature == mldsa.sign(44, KEY, b"context", b"message", generator.generate(32))
        assert succeed(codec.mldsa_verify(2, b"context", signature, b"message")) == b""
        encapsulation_key = succeed(codec.mlkem_keygen(3))
        seed = generator.generate(64)
        assert encapsulation_key == mlkem.keygen(512, seed[:32], seed[32:])[0]
        encapsulated = succeed(codec.mlkem_encaps(encapsulation_key))
        assert encapsulated == b"".join(mlkem.encapsulate(encapsulation_key, generator.generate(32)))
        assert succeed(codec.mlkem_decaps(3, encapsulated[:-32])) == encapsulated[-32:]


def test_refusals_draw_nothing(model: Model) -> None:
    for check in ("header", "type", "size", "structure", "key"):
        failing(Model(ENTROPY, IMAGE), {check})
    for request in (
        b"",
        codec.aes_encrypt(9, b"", b""),
        codec.aes_encrypt(2, b"", b""),
        altered(decrypt_request(NONCE), 30),
    ):
        assert model.exchange(request, 0).status != Status.SUCCESS
    request = codec.aes_encrypt(1, b"", b"")
    assert model.exchange(request, 0) == Model(ENTROPY, IMAGE).exchange(request, 0)


def test_forgery_does_not_burn_the_nonce(model: Model) -> None:
    genuine = decrypt_request(NONCE)
    for position in (12, 13, 30, len(genuine) - 17, len(genuine) - 1):
        assert model.exchange(altered(genuine, position), 0).status == Status.DECRYPTION_FAILED
    assert model.exchange(genuine, 0).status == Status.SUCCESS
    assert model.exchange(altered(genuine, -1), 0).status == Status.NONCE_REUSE


def test_nonces_are_tracked_per_key() -> None:
    model = Model(ENTROPY, KeyImage((aes_slot(1, KEY), aes_slot(2, KEY))).build())
    for key_id in (1, 2):
        assert model.exchange(decrypt_request(NONCE, key_id=key_id), 0).status == Status.SUCCESS


def test_full_nonce_window(model: Model) -> None:
    assert model.exchange(decrypt_request(NONCE), 0).status == Status.SUCCESS
    model.keys.aes_keys[1].nonces.recorded = 999_999
    assert model.exchange(decrypt_request(b"last but one"), 0).status == Status.SUCCESS
    assert model.exchange(decrypt_request(b"one too many"), 0).status == Status.NONCE_REUSE
    assert model.exchange(codec.aes_encrypt(1, b"", b""), 0).status == Status.SUCCESS
    model.key_image = KeyImage((aes_slot(1, KEY, generation=2),)).build()
    assert model.exchange(decrypt_request(NONCE), 0).status == Status.SUCCESS


def test_encryption_limit(model: Model) -> None:
    request = codec.aes_encrypt(1, b"", b"")
    assert model.exchange(request, 0).status == Status.SUCCESS
    assert model.keys.aes_keys[1].encryptions == 1
    model.keys.aes_keys[1].encryptions = 2**32 - 1
    assert model.exchange(request, 0).status == Status.SUCCESS
    assert model.exchange(request, 0).status == Status.NONCE_REUSE
    assert model.exchange(decrypt_request(NONCE), 0).status == Status.SUCCESS
    model.key_image = KeyImage((aes_slot(1, KEY, generation=2),)).build()
    assert model.exchange(request, 0).status == Status.SUCCESS


def test_keys_of_other_algorithms_are_not_found(model: Model) -> None:
    assert model.exchange(codec.aes_encrypt(2, b"", b""), 0).status == Status.KEY_NOT_FOUND


def test_corrupt_storage(model: Model) -> None:
    model.key_image = corrupt(IMAGE, 0)
    assert model.exchange(decrypt_request(NONCE), 0).status == Status.KEY_NOT_FOUND


def test_missing_entropy_is_the_error_state() -> None:
    model = Model(bytes(48), IMAGE)
    assert model.in_error_state
    assert model.exchange(b"", 0).status == Status.INVALID_HEADER
    assert model.exchange(decrypt_request(NONCE, key_id=9), 0).status == Status.CRYPTO_ERROR
    model.reset(ENTROPY)
    assert model.exchange(decrypt_request(NONCE), 0).status == Status.SUCCESS


def test_error_state_leaves_the_key_storage_alone(model: Model) -> None:
    model.exchange(codec.aes_encrypt(1, b"", b""), 0)
    model.in_error_state = True
    model.key_image = KeyImage(()).build()
    model.exchange(codec.aes_encrypt(1, b"", b""), 0)
    model.key_image = IMAGE
    model.in_error_state = False
    model.exchange(codec.aes_encrypt(1, b"", b""), 0)
    assert model.keys.aes_keys[1].encryptions == 2


def test_entropy_size() -> None:
    with pytest.raises(ModelError, match="48 bytes, not 47"):
        Model(bytes(47), IMAGE)


def test_reset_forgets_everything_but_the_storage(model: Model) -> None:
    for _ in range(101):
        last = model.exchange(decrypt_request(NONCE), 0)
    assert last.status == Status.RATE_LIMITED
    model.reset(ENTROPY)
    assert model.key_image == IMAGE
    assert model.exchange(decrypt_request(NONCE), 0).status == Status.SUCCESS
    request = codec.aes_encrypt(1, b"", b"")
    fresh = Model(ENTROPY, IMAGE)
    assert model.exchange(request, 0) == fresh.exchange(request, 0)


SCRIPT = st.lists(
    st.sampled_from(
        [
            codec.aes_encrypt(1, b"", b"x"),
            decrypt_request(NONCE),
            decrypt_request(b"another one!"),
            altered(decrypt_request(NONCE), -1),
            b"",
        ]
    ),
    max_size=6,
)


@given(SCRIPT, SCRIPT, SCRIPT)
def test_restore_goes_anywhere(first: list[bytes], second: list[bytes], third: list[bytes]) -> None:
    model = Model(ENTROPY, IMAGE)

    def play(script: list[bytes]) -> list[Response]:
        return [model.exchange(request, 0) for request in script]

    play(first)
    early = model.snapshot()
    answers = play(second)
    late = model.snapshot()
    further = play(third)
    model.key_image = KeyImage(()).build()
    play(third)
    model.restore(early)
    assert play(second) == answers
    model.restore(late)
    assert play(third) == further
