# SPDX-License-Identifier: GPL-2.0-or-later
"""Self-tests of the FIPS build (FIPS-1) and what becomes of a service that fails one (FIPS-2).

The cases run on the FIPS image that belongs to the judged one. Each known answer, and each function behind one, is
broken in turn in the loaded image, by a byte or two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from harness.conformance.builds import opened
from harness.conformance.dut import Dut
from harness.conformance.plugin import totals_of
from harness.conformance.support import (
    REFUSALS,
    UNKNOWN_TYPE,
    exhaust,
    granted,
    noise,
    pieces,
    refused,
    residue,
)
from harness.default_keys import AES_KEY_ID, MLDSA_KEY_IDS, MLKEM_KEY_IDS, UNKNOWN_KEY_ID
from harness.protocol import codec
from harness.protocol.commands import Status
from harness.targets.base import Target
from harness.targets.emulated import EmulatedTarget

# One row of the firmware's table for each.
_KNOWN_ANSWERS = (
    "AES-256 block",
    "AES-256-GCM encryption",
    "AES-256-GCM decryption",
    "AES-256-GCM rejected tag",
    "SHA3-256",
    "SHA3-512",
    "SHAKE128",
    "SHAKE256",
    "SipHash-2-4-128",
    "CTR_DRBG",
    *(
        f"ML-KEM-{number} {step}"
        for number in (512, 768, 1024)
        for step in ("key generation", "encapsulation", "decapsulation", "implicit rejection")
    ),
    *(
        f"ML-DSA-{number} {step}"
        for number in (44, 65, 87)
        for step in ("key generation", "signing", "verification", "rejected signature")
    ),
)

# Thumb code that makes a function do nothing, or nothing but return false or true.
_RETURN, _RETURN_FALSE, _RETURN_TRUE = (bytes.fromhex(code) for code in ("7047", "00207047", "01207047"))
# The same of ARM state.
_IN_ARM_STATE = {
    _RETURN: bytes.fromhex("1eff2fe1"),
    _RETURN_FALSE: bytes.fromhex("0000a0e31eff2fe1"),
    _RETURN_TRUE: bytes.fromhex("0100a0e31eff2fe1"),
}

_FAILED = "self-test failed: "


@pytest.fixture(scope="module")
def fips_target(bench_target: Target) -> Iterator[EmulatedTarget]:
    """A target with the FIPS image, whose loaded copy a case may break; it has to leave it whole."""
    with opened(bench_target, "fips") as target:
        if "known_answers" not in target.image.symbols:
            pytest.skip("the FIPS image has no table known_answers to break: link it with symbols")
        yield target


Booting = Callable[[], Dut]


@pytest.fixture
def booting(fips_target: EmulatedTarget, request: pytest.FixtureRequest) -> Booting:
    """What boots the FIPS image as it stands, beside the model of a sound service with a key of every kind."""
    return lambda: Dut(fips_target, totals_of(request.config))


@contextmanager
def _patched(target: EmulatedTarget, address: int, content: bytes) -> Iterator[None]:
    before = target.patch(address, content)
    try:
        yield
    finally:
        target.patch(address, before)


@contextmanager
def _function_broken(target: EmulatedTarget, name: str, code: bytes = _RETURN) -> Iterator[None]:
    own = _IN_ARM_STATE[code] if target.machine.cpu.state == "arm" else code
    with _patched(target, target.machine.symbols.address(name), own):
        yield


def _rows(target: EmulatedTarget) -> dict[str, int]:
    """The rows of the firmware's table by name."""
    size = target.image.symbols["known_answers"].size
    stride = target.machine.symbols.member_address("known_answers[0]").size
    found = {}
    for index in range(size // stride):
        name = target.machine.read(target.peek(f"known_answers[{index}].name"), 64)
        found[name.split(b"\0")[0].decode()] = index
    return found


def _expected(target: EmulatedTarget, index: int) -> tuple[int, bytes]:
    """Address and content of a row's expected value."""
    address, _ = target.machine.symbols.member_address(f"known_answers[{index}].expected")
    return address, target.machine.read(address, target.peek(f"known_answers[{index}].length"))


def _failures(target: EmulatedTarget) -> list[str]:
    """The failed tests that the UART names."""
    lines = target.machine.uart.text().splitlines()
    return [line.removeprefix(_FAILED) for line in lines if line.startswith(_FAILED)]


def _requests(key: Callable[[int], int] = lambda key_id: key_id) -> Iterator[bytes]:
    """A request of each type that passes checks 1 to 5."""
    yield codec.aes_encrypt(key(AES_KEY_ID), b"aad", b"text")
    yield codec.aes_decrypt(key(AES_KEY_ID), bytes(12), b"aad", b"text", bytes(16))
    for key_id in MLDSA_KEY_IDS.values():
        yield codec.mldsa_sign(key(key_id), b"context", b"message")
        yield codec.mldsa_verify(key(key_id), b"context", b"signature", b"message")
    for key_id in MLKEM_KEY_IDS.values():
        yield codec.mlkem_keygen(key(key_id))
        yield codec.mlkem_decaps(key(key_id), b"ciphertext")
    for size in (800, 1184, 1568):
        yield codec.mlkem_encaps(bytes(size))


def _in_error_state(dut: Dut) -> None:
    """What passes checks 1 to 5 is CRYPTO_ERROR, everything else what it always is (FIPS-2)."""
    dut.model.in_error_state = True
    for request in _requests():
        refused(dut.exchange(request), Status.CRYPTO_ERROR)
    for request in _requests(lambda _: UNKNOWN_KEY_ID):
        refused(dut.exchange(request), Status.CRYPTO_ERROR)
    for status in (Status.INVALID_HEADER, Status.INVALID_TYPE, Status.INVALID_PAYLOAD, Status.PAYLOAD_TOO_LARGE):
        refused(REFUSALS[status](dut), status)
    for type in (0x01, 0x02, 0x10, 0x11, 0x20, 0x21, 0x22):
        refused(dut.send(type, bytes(3)), Status.INVALID_PAYLOAD)
        refused(dut.send(type, bytes(3), payload_length=65537), Status.PAYLOAD_TOO_LARGE)
        refused(dut.send(type, bytes(40), flags=1), Status.INVALID_HEADER)
    refused(dut.send(UNKNOWN_TYPE, bytes(40)), Status.INVALID_TYPE)
    refused(dut.send(0x01, bytes(6) + bytes(65509)), Status.PAYLOAD_TOO_LARGE)


def _serves(dut: Dut) -> None:
    """Every operation with every parameter set, each answer as the model has it."""
    for size in (0, 33):
        nonce, ciphertext, tag = dut.seal(AES_KEY_ID, noise(size), b"aad")
        assert granted(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag, b"aad")) == noise(size)
        refused(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag, b"aad"), Status.NONCE_REUSE)
    for key_id in MLKEM_KEY_IDS.values():
        for _ in range(2):
            made = granted(dut.exchange(codec.mlkem_keygen(key_id)))
            sent = granted(dut.exchange(codec.mlkem_encaps(made)))
            ciphertext, secret = sent[:-32], sent[-32:]
            assert granted(dut.exchange(codec.mlkem_decaps(key_id, ciphertext))) == secret
            forged = bytes([ciphertext[0] ^ 1]) + ciphertext[1:]
            assert granted(dut.exchange(codec.mlkem_decaps(key_id, forged))) != secret
    for key_id in MLDSA_KEY_IDS.values():
        for message in (b"", noise(100)):
            signature = granted(dut.exchange(codec.mldsa_sign(key_id, b"context", message)))
            granted(dut.exchange(codec.mldsa_verify(key_id, b"context", signature, message)))
            refused(dut.exchange(codec.mldsa_verify(key_id, b"", signature, message)), Status.CRYPTO_ERROR)


# ---- a sound image ----


@pytest.mark.clause("FIPS-1")
def test_every_primitive_has_its_known_answer_test(fips_target: EmulatedTarget) -> None:
    missing = set(_KNOWN_ANSWERS) - _rows(fips_target).keys()
    assert not missing, f"no known-answer test of {', '.join(sorted(missing))}"


@pytest.mark.clause("FIPS-1", "RNG-2")
def test_a_sound_service_passes_its_tests_and_serves(booting: Booting) -> None:
    """Neither they nor the pairwise tests draw: nonces, keys and signatures are those that the model predicts."""
    dut = booting()
    _serves(dut)
    dut.keys.rotate(MLDSA_KEY_IDS[65], noise(32))
    _serves(dut)
    assert _failures(dut.emulated) == []


@pytest.mark.clause("FIPS-1")
def test_a_verification_may_be_what_expands_the_seed(booting: Booting) -> None:
    dut = booting()
    signatures = {}
    for number, key_id in MLDSA_KEY_IDS.items():
        signatures[number] = granted(dut.exchange(codec.mldsa_sign(key_id, b"", b"message")))
    dut.boot()
    for number, key_id in MLDSA_KEY_IDS.items():
        granted(dut.exchange(codec.mldsa_verify(key_id, b"", signatures[number], b"message")))
    assert _failures(dut.emulated) == []


@pytest.mark.clause("FIPS-1")
def test_the_tests_leave_nothing_in_memory(booting: Booting) -> None:
    """Neither a computed answer nor the inputs; the same behind pairwise tests, whose keys alone stay."""
    dut = booting()
    answers = [_expected(dut.emulated, index)[1] for index in _rows(dut.emulated).values()]
    needles = [piece for answer in answers for piece in pieces(answer) if len(set(piece)) > 4]
    needles.append(bytes(range(16)))
    assert residue(dut, needles) == []
    work = dut.emulated.image.symbols["self_test_work"]
    for key_id in MLKEM_KEY_IDS.values():
        granted(dut.exchange(codec.mlkem_keygen(key_id)))
    for key_id in MLDSA_KEY_IDS.values():
        granted(dut.exchange(codec.mldsa_sign(key_id, b"", b"message")))
    assert not any(dut.machine.read(work.address, work.size))


# ---- known answers that are broken ----


@pytest.mark.clause("FIPS-1", "FIPS-2")
@pytest.mark.parametrize("name", _KNOWN_ANSWERS)
def test_a_wrong_answer_leads_to_the_error_state(fips_target: EmulatedTarget, booting: Booting, name: str) -> None:
    """One bit of one byte of the expected value, another byte for each test; the UART names this test alone."""
    index = _rows(fips_target).get(name)
    assert index is not None, "the test is missing"
    address, expected = _expected(fips_target, index)
    place = (len(expected) - 1) * (index % 5) // 4
    with _patched(fips_target, address + place, bytes([expected[place] ^ 1 << index % 8])):
        dut = booting()
        assert _failures(fips_target) == [name]
        _in_error_state(dut)


# Where a function stops working, its own test notices; others that need it may as well.
_BROKEN_FUNCTIONS = (
    ("aes256_encrypt_two", "AES-256 block"),
    ("gcm_encrypt", "AES-256-GCM encryption"),
    ("gcm_decrypt", "AES-256-GCM decryption"),
    ("gcm_decrypt", "AES-256-GCM rejected tag"),
    ("sha3_256", "SHA3-256"),
    ("sha3_512", "SHA3-512"),
    ("siphash24_128", "SipHash-2-4-128"),
    ("ctr_drbg_init", "CTR_DRBG"),
    ("ctr_drbg_generate", "CTR_DRBG"),
    *(
        (f"mlkem_{step}", f"ML-KEM-{number} {name}")
        for number in (512, 768, 1024)
        for step, name in (
            ("keygen", "key generation"),
            ("encaps", "encapsulation"),
            ("decaps", "decapsulation"),
            ("decaps", "implicit rejection"),
        )
    ),
    *(
        (f"mldsa_{step}", f"ML-DSA-{number} {name}")
        for number in (44, 65, 87)
        for step, name in (
            ("keygen", "key generation"),
            ("sign", "signing"),
        )
    ),
)


@pytest.mark.clause("FIPS-1")
@pytest.mark.parametrize("function", dict.fromkeys(function for function, _ in _BROKEN_FUNCTIONS))
def test_a_function_that_does_nothing_is_noticed(fips_target: EmulatedTarget, booting: Booting, function: str) -> None:
    with _function_broken(fips_target, function):
        dut = booting()
        unnoticed = {name for broken, name in _BROKEN_FUNCTIONS if broken == function} - set(_failures(fips_target))
        assert not unnoticed, f"passed without {function}: {', '.join(sorted(unnoticed))}"
        dut.model.in_error_state = True
        refused(dut.aes_encrypt(AES_KEY_ID), Status.CRYPTO_ERROR)


@pytest.mark.clause("FIPS-1")
@pytest.mark.parametrize(("name", "rate"), [("SHAKE128", 168), ("SHAKE256", 136)])
def test_a_wrong_rate_is_noticed(fips_target: EmulatedTarget, booting: Booting, name: str, rate: int) -> None:
    """Of these a function that does nothing would not do: the rejection loops of ML-KEM and ML-DSA would never end."""
    function = fips_target.machine.symbols.symbol(f"{name.lower()}_init")
    code = fips_target.machine.read(function.address, function.size)
    places = [i for i in range(0, len(code), 2) if code[i] == rate and code[i + 1] >> 3 == 0x20 >> 3]  # MOVS r, #rate
    assert len(places) == 1, f"{function.name} sets no rate that could be broken"
    with _patched(fips_target, function.address + places[0], bytes([rate - 8])):
        booting()
        assert name in _failures(fips_target)


@pytest.mark.clause("FIPS-1")
@pytest.mark.parametrize(
    ("verdict", "name"),
    [(_RETURN_FALSE, "verification"), (_RETURN_TRUE, "rejected signature")],
    ids=["refuses", "accepts"],
)
def test_a_verification_that_always_says_the_same_is_noticed(
    fips_target: EmulatedTarget, booting: Booting, verdict: bytes, name: str
) -> None:
    with _function_broken(fips_target, "mldsa_verify", verdict):
        booting()
        assert set(_failures(fips_target)) == {f"ML-DSA-{number} {name}" for number in MLDSA_KEY_IDS}


@pytest.mark.clause("FIPS-2")
def test_every_failed_test_is_named_and_none_makes_up_for_another(
    fips_target: EmulatedTarget, booting: Booting
) -> None:
    """The first and the last of the table broken at once; all between them pass."""
    rows = sorted(_rows(fips_target).items(), key=lambda row: row[1])
    (first, first_index), (last, last_index) = rows[0], rows[-1]
    one, other = _expected(fips_target, first_index), _expected(fips_target, last_index)
    with (
        _patched(fips_target, one[0], bytes([one[1][0] ^ 0x80])),
        _patched(fips_target, other[0], bytes([other[1][0] ^ 0x80])),
    ):
        dut = booting()
        assert _failures(fips_target) == [first, last]
        _in_error_state(dut)


@pytest.mark.clause("FIPS-2")
def test_the_error_state_lasts_until_reset(fips_target: EmulatedTarget, booting: Booting) -> None:
    """Rotation, time and good luck do not end it, nor does a reset of the same image; one of a sound image does."""
    address, expected = _expected(fips_target, 0)
    with _patched(fips_target, address, bytes([expected[0] ^ 1])):
        dut = booting()
        _in_error_state(dut)
        dut.keys.rotate(AES_KEY_ID, noise(32))
        dut.clock.advance(3_600_000_000)
        _in_error_state(dut)
        exhaust(dut)
        refused(dut.aes_encrypt(AES_KEY_ID), Status.RATE_LIMITED)
        dut = booting()
        _in_error_state(dut)
    dut.model.in_error_state = True
    refused(dut.aes_encrypt(AES_KEY_ID), Status.CRYPTO_ERROR)  # mended, but not reset
    dut = booting()
    assert _failures(fips_target) == []
    _serves(dut)


# ---- key pairs that are not consistent ----


def _key_state(dut: Dut, key_id: int) -> str:
    """The C name of what the firmware remembers of a key; empty where it remembers nothing."""
    table = dut.emulated.image.symbols["key_states"]
    stride = dut.machine.symbols.member_address("key_states[0]").size
    names = (f"key_states[{index}]" for index in range(table.size // stride))
    return next((name for name in names if dut.emulated.peek(f"{name}.key_id") == key_id), "")


def _key_is_wiped(dut: Dut, key_id: int) -> None:
    state = _key_state(dut, key_id)
    if not state:
        return
    cached = dut.emulated.peek(f"{state}.cached")
    size = dut.machine.symbols.member_address("key_cache.c:cached_keys[0]").size
    assert not any(dut.machine.read(cached, size)), "the key pair is still there"


def _pair_fails(dut: Dut, request: bytes, key_id: int, name: str, broken: tuple[str, bytes]) -> None:
    """The request is CRYPTO_ERROR with a function broken, and from then on every other, though the function is whole
    again; the next boot is a sound one."""
    with _function_broken(dut.emulated, *broken):
        dut.clock.tick()
        refused(dut.target.exchange(request), Status.CRYPTO_ERROR)
    assert _failures(dut.emulated) == [f"{name} pairwise consistency"]
    _key_is_wiped(dut, key_id)
    _in_error_state(dut)
    dut.boot()
    granted(dut.exchange(request))


@pytest.mark.clause("FIPS-1", "FIPS-2")
@pytest.mark.parametrize("parameter_set", MLKEM_KEY_IDS)
@pytest.mark.parametrize("function", ["mlkem_keygen", "mlkem_encaps", "mlkem_decaps"])
def test_a_generated_key_that_does_not_work_is_noticed(booting: Booting, parameter_set: int, function: str) -> None:
    """Behind a boot that was sound, with a key in the slot that did work: neither of the two is left."""
    dut, key_id = booting(), MLKEM_KEY_IDS[parameter_set]
    granted(dut.exchange(codec.mlkem_keygen(key_id)))
    _pair_fails(dut, codec.mlkem_keygen(key_id), key_id, "ML-KEM", (function, _RETURN))


@pytest.mark.clause("FIPS-1", "FIPS-2")
@pytest.mark.parametrize("parameter_set", MLDSA_KEY_IDS)
@pytest.mark.parametrize(
    "broken",
    [
        ("mldsa_keygen", _RETURN),
        ("mldsa_sign", _RETURN_TRUE),
        ("mldsa_sign", _RETURN_FALSE),
        ("mldsa_verify", _RETURN_FALSE),
    ],
    ids=["keygen", "sign", "sign-refuses", "verify"],
)
def test_an_expanded_key_that_does_not_work_is_noticed(
    booting: Booting, parameter_set: int, broken: tuple[str, bytes]
) -> None:
    dut, key_id = booting(), MLDSA_KEY_IDS[parameter_set]
    _pair_fails(dut, codec.mldsa_sign(key_id, b"", b"message"), key_id, "ML-DSA", broken)


@pytest.mark.clause("FIPS-1", "FIPS-2")
def test_a_verification_tests_the_key_that_it_expands(booting: Booting) -> None:
    dut, key_id = booting(), MLDSA_KEY_IDS[44]
    signature = granted(dut.exchange(codec.mldsa_sign(key_id, b"", b"message")))
    dut.boot()
    request = codec.mldsa_verify(key_id, b"", signature, b"message")
    _pair_fails(dut, request, key_id, "ML-DSA", ("mldsa_keygen", _RETURN))
