# SPDX-License-Identifier: GPL-2.0-or-later
"""What the modules of ML-DSA and ML-KEM share: sizes of the standards, other implementations, requests that fail.

As in `support`, numbers stand here as contract and standards print them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha3_256, sha3_512, shake_256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem

from harness.conformance.dut import Dut
from harness.conformance.support import Generator, granted, refused
from harness.default_keys import (
    AES_KEY_ID,
    ENTROPY,
    MLDSA_KEY_IDS,
    MLDSA_PUBLIC_KEY_IDS,
    MLDSA_SEEDS,
    MLKEM_KEY_IDS,
    PEER_MLDSA_SEEDS,
    UNKNOWN_KEY_ID,
    mldsa_public_key,
)
from harness.model import mldsa as model_mldsa
from harness.protocol.commands import Status

SIGN, VERIFY, KEYGEN, ENCAPS, DECAPS = 0x10, 0x11, 0x20, 0x21, 0x22

MLDSA_SETS = (44, 65, 87)
MLKEM_SETS = (512, 768, 1024)

# FIPS 204, table 2.
PUBLIC_KEY_BYTES = {44: 1312, 65: 1952, 87: 2592}
SIGNATURE_BYTES = {44: 2420, 65: 3309, 87: 4627}
# FIPS 203, table 3.
ENCAPSULATION_KEY_BYTES = {512: 800, 768: 1184, 1024: 1568}
CIPHERTEXT_BYTES = {512: 768, 768: 1088, 1024: 1568}

MLKEM_Q = 3329
_COEFFICIENT_BITS = 12  # of an encapsulation key


@dataclass(frozen=True, slots=True)
class MldsaShape:
    """A column of FIPS 204, table 1; `z_bits` is what a coefficient of z takes, `challenge` the bytes of c~."""

    k: int
    l: int  # noqa: E741 - as the standard calls it
    z_bits: int
    gamma2: int
    beta: int
    omega: int
    challenge: int

    @property
    def gamma1(self) -> int:
        """The range of z before its bound."""
        return 1 << (self.z_bits - 1)

    @property
    def hints_at(self) -> int:
        """Where the hints begin in a signature."""
        return self.challenge + 32 * self.z_bits * self.l


MLDSA_SHAPES: dict[int, MldsaShape] = {
    44: MldsaShape(k=4, l=4, z_bits=18, gamma2=95_232, beta=78, omega=80, challenge=32),
    65: MldsaShape(k=6, l=5, z_bits=20, gamma2=261_888, beta=196, omega=55, challenge=48),
    87: MldsaShape(k=8, l=7, z_bits=20, gamma2=261_888, beta=120, omega=75, challenge=64),
}


@dataclass(frozen=True, slots=True)
class MlkemShape:
    """A row of FIPS 203, table 2: how many polynomials, and the bits of their coefficients in a ciphertext."""

    k: int
    du: int
    dv: int


MLKEM_SHAPES: dict[int, MlkemShape] = {512: MlkemShape(2, 10, 4), 768: MlkemShape(3, 10, 4), 1024: MlkemShape(4, 11, 5)}


# ---- ML-DSA elsewhere ----

_MldsaPrivateKey = mldsa.MLDSA44PrivateKey | mldsa.MLDSA65PrivateKey | mldsa.MLDSA87PrivateKey
_MldsaPublicKey = mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey | mldsa.MLDSA87PublicKey
_MLDSA: dict[int, tuple[type[_MldsaPrivateKey], type[_MldsaPublicKey]]] = {
    44: (mldsa.MLDSA44PrivateKey, mldsa.MLDSA44PublicKey),
    65: (mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey),
    87: (mldsa.MLDSA87PrivateKey, mldsa.MLDSA87PublicKey),
}

# The public keys of the default image by key id: of the slots with a seed, and of those without.
PUBLIC_KEYS: dict[int, bytes] = {
    **{MLDSA_KEY_IDS[number]: mldsa_public_key(number, seed) for number, seed in MLDSA_SEEDS.items()},
    **{MLDSA_PUBLIC_KEY_IDS[number]: mldsa_public_key(number, seed) for number, seed in PEER_MLDSA_SEEDS.items()},
}


def verifies_outside(
    number: int, public_key: bytes, signature: bytes, message: bytes = b"", context: bytes = b""
) -> bool:
    """What pyca/cryptography says of a signature under parameter set `number`."""
    try:
        _MLDSA[number][1].from_public_bytes(public_key).verify(signature, message, context)
    except InvalidSignature:
        return False
    return True


def sign_outside(number: int, seed: bytes, message: bytes = b"", context: bytes = b"") -> bytes:
    """A signature by pyca/cryptography, with randomness of its own: another one each time."""
    return _MLDSA[number][0].from_seed_bytes(seed).sign(message, context)


@cache
def signed(number: int, seed: bytes, message: bytes = b"", context: bytes = b"") -> bytes:
    """The signature that 32 zero bytes of randomness make: always the same."""
    return model_mldsa.sign(number, seed, context, message, bytes(32))


def signs(dut: Dut, key_id: int, number: int, seed: bytes, message: bytes = b"text") -> None:
    """The key signs as this seed does, and verifies what it signs."""
    signature = granted(dut.mldsa_sign(key_id, message))
    assert verifies_outside(number, mldsa_public_key(number, seed), signature, message)
    assert dut.mldsa_verify(key_id, signature, message).status is Status.SUCCESS


def no_key_at_all(dut: Dut, key_id: int) -> None:
    """KEY_NOT_FOUND for every operation that names a key of ML-DSA or ML-KEM."""
    refused(dut.mldsa_sign(key_id), Status.KEY_NOT_FOUND)
    refused(dut.mldsa_verify(key_id, bytes(SIGNATURE_BYTES[44])), Status.KEY_NOT_FOUND)
    refused(dut.mlkem_keygen(key_id), Status.KEY_NOT_FOUND)
    refused(dut.mlkem_decaps(key_id, bytes(CIPHERTEXT_BYTES[768])), Status.KEY_NOT_FOUND)


def signature_parts(number: int, signature: bytes) -> tuple[bytes, bytes, bytes]:
    """c~, z and the hints as they are encoded."""
    shape = MLDSA_SHAPES[number]
    return signature[: shape.challenge], signature[shape.challenge : shape.hints_at], signature[shape.hints_at :]


def flipped(data: bytes, bit: int) -> bytes:
    """`data` with one bit flipped; negative numbers count from the end."""
    changed = bytearray(data)
    changed[bit >> 3] ^= 1 << (bit & 7)
    return bytes(changed)


# ---- ML-KEM elsewhere ----

MlkemPrivateKey = mlkem.MLKEM768PrivateKey | mlkem.MLKEM1024PrivateKey
_MlkemPublicKey = mlkem.MLKEM768PublicKey | mlkem.MLKEM1024PublicKey
# pyca/cryptography has no ML-KEM-512.
_MLKEM: dict[int, tuple[type[MlkemPrivateKey], type[_MlkemPublicKey]]] = {
    768: (mlkem.MLKEM768PrivateKey, mlkem.MLKEM768PublicKey),
    1024: (mlkem.MLKEM1024PrivateKey, mlkem.MLKEM1024PublicKey),
}
MLKEM_SETS_OUTSIDE = tuple(_MLKEM)


def key_outside(number: int, d_and_z: bytes) -> MlkemPrivateKey:
    """The key that pyca/cryptography makes of the 64 bytes d, z."""
    return _MLKEM[number][0].from_seed_bytes(d_and_z)


def encapsulate_outside(number: int, encapsulation_key: bytes) -> tuple[bytes, bytes]:
    """Ciphertext and secret by pyca/cryptography, with randomness of its own."""
    secret, ciphertext = _MLKEM[number][1].from_public_bytes(encapsulation_key).encapsulate()
    return ciphertext, secret


def keygen(dut: Dut, number: int, key_id: int | None = None) -> bytes:
    """MLKEM_KEYGEN that must succeed, of the default slot unless another is named; the encapsulation key."""
    key = granted(dut.mlkem_keygen(MLKEM_KEY_IDS[number] if key_id is None else key_id))
    assert len(key) == ENCAPSULATION_KEY_BYTES[number]
    return key


def encapsulate(dut: Dut, number: int, encapsulation_key: bytes) -> tuple[bytes, bytes]:
    """MLKEM_ENCAPS that must succeed; ciphertext and shared secret."""
    payload = granted(dut.mlkem_encaps(encapsulation_key))
    assert len(payload) == CIPHERTEXT_BYTES[number] + 32
    return payload[:-32], payload[-32:]


def decapsulate(dut: Dut, number: int, ciphertext: bytes, key_id: int | None = None) -> bytes:
    """MLKEM_DECAPS that must succeed; the shared secret."""
    secret = granted(dut.mlkem_decaps(MLKEM_KEY_IDS[number] if key_id is None else key_id, ciphertext))
    assert len(secret) == 32
    return secret


def encapsulation_secrets(encapsulation_key: bytes, m: bytes) -> tuple[bytes, bytes]:
    """Shared secret and encryption randomness, 32 bytes each, that m leads to (FIPS 203, algorithm 17, line 1)."""
    both = sha3_512(m + sha3_256(encapsulation_key).digest()).digest()
    return both[:32], both[32:]


def rejection_secret(z: bytes, ciphertext: bytes) -> bytes:
    """What a manipulated ciphertext decapsulates to: J of FIPS 203, algorithm 18, line 7."""
    return shake_256(z + ciphertext).digest(32)


def with_coefficient(encapsulation_key: bytes, index: int, value: int) -> bytes:
    """An encapsulation key with one of its 256 k coefficients replaced by any number of 12 bits."""
    number = int.from_bytes(encapsulation_key, "little")
    shift = _COEFFICIENT_BITS * index
    number &= ~(0xFFF << shift)
    return (number | value << shift).to_bytes(len(encapsulation_key), "little")


# ---- draws ----


def draws(entropy: bytes = ENTROPY) -> Generator:
    """The generator of a service that has just been booted: the 16 bytes of boot are drawn already."""
    generator = Generator(entropy)
    generator.draw(16)
    return generator


# ---- payloads that fail one check ----


def key_bytes(key_id: int) -> bytes:
    """A key id as payloads begin with it."""
    return key_id.to_bytes(4, "little")


def verify_payload(key_id: int, signature: bytes, message: bytes = b"", length: int | None = None) -> bytes:
    """A payload of MLDSA_VERIFY without context; `length` is what it says of the signature."""
    said = len(signature) if length is None else length
    return key_bytes(key_id) + b"\0" + said.to_bytes(2, "little") + signature + message


# Payloads that are too short for their fixed fields, or in which a length points behind the end (check 5).
UNSOUND: dict[str, tuple[int, bytes]] = {
    "sign, empty": (SIGN, b""),
    "sign, 4 bytes": (SIGN, key_bytes(MLDSA_KEY_IDS[44])),
    "sign, context behind the end": (SIGN, key_bytes(MLDSA_KEY_IDS[44]) + b"\x01"),
    "verify, empty": (VERIFY, b""),
    "verify, 6 bytes": (VERIFY, key_bytes(MLDSA_KEY_IDS[44]) + bytes(2)),
    "verify, context behind the end": (VERIFY, key_bytes(MLDSA_KEY_IDS[44]) + b"\x01" + bytes(2)),
    "verify, signature behind the end": (VERIFY, verify_payload(MLDSA_KEY_IDS[44], bytes(2420), length=2421)),
    "keygen, 3 bytes": (KEYGEN, key_bytes(MLKEM_KEY_IDS[512])[:3]),
    "keygen, 5 bytes": (KEYGEN, key_bytes(MLKEM_KEY_IDS[512]) + b"\0"),
    "encaps, empty": (ENCAPS, b""),
    "encaps, 799 bytes": (ENCAPS, bytes(799)),
    "decaps, 3 bytes": (DECAPS, key_bytes(MLKEM_KEY_IDS[512])[:3]),
}

# The same keys and sizes throughout: sound requests but for the check that they fail.
_SIGNATURE = bytes(SIGNATURE_BYTES[44])
NO_KEY: dict[str, tuple[int, bytes]] = {
    **{
        f"{name}, {whose}": (type, key_bytes(key_id) + rest)
        for whose, key_id in (("unknown key", UNKNOWN_KEY_ID), ("key 0", 0), ("AES key", AES_KEY_ID))
        for name, type, rest in (
            ("sign", SIGN, b"\0"),
            ("verify", VERIFY, b"\0\x74\x09" + _SIGNATURE),
            ("keygen", KEYGEN, b""),
            ("decaps", DECAPS, bytes(768)),
        )
    },
    "sign, ML-KEM key": (SIGN, key_bytes(MLKEM_KEY_IDS[512]) + b"\0"),
    "verify, ML-KEM key": (VERIFY, verify_payload(MLKEM_KEY_IDS[512], _SIGNATURE)),
    "keygen, ML-DSA key": (KEYGEN, key_bytes(MLDSA_KEY_IDS[44])),
    "decaps, ML-DSA key": (DECAPS, key_bytes(MLDSA_KEY_IDS[44]) + bytes(768)),
    "sign, public key alone": (SIGN, key_bytes(MLDSA_PUBLIC_KEY_IDS[44]) + b"\0"),
    "decaps before keygen": (DECAPS, key_bytes(MLKEM_KEY_IDS[512]) + bytes(768)),
}

# Check 7; that of DECAPS needs a slot which has had its KEYGEN.
WRONG_SIZE: dict[str, tuple[int, bytes]] = {
    "verify, signature one byte short": (VERIFY, verify_payload(MLDSA_KEY_IDS[44], bytes(2419))),
    "verify, signature one byte long": (VERIFY, verify_payload(MLDSA_KEY_IDS[44], bytes(2421))),
    "verify, no signature": (VERIFY, verify_payload(MLDSA_PUBLIC_KEY_IDS[87], b"")),
}

# Check 9.
FAILED: dict[str, tuple[int, bytes]] = {
    "verify, zeros": (VERIFY, verify_payload(MLDSA_KEY_IDS[44], _SIGNATURE)),
    "encaps, coefficients not reduced": (ENCAPS, b"\xff" * 800),
}
