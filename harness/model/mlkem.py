# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-KEM as the service uses it (KEM-1 to KEM-3; FIPS 203): bit for bit with chosen randomness.

ReferenceDisagreement is raised where two references differ. For ML-KEM-768 and -1024:

- `keygen` and `decapsulate`: kyber-py, and pyca/cryptography;
- `encapsulate`: kyber-py, as pyca/cryptography chooses its own randomness. The secret is recomputed from the hashes
  that define it, and where the decapsulation key is known (anybody still holds what `keygen` returned),
  pyca/cryptography has to decapsulate the ciphertext to the same secret;
- `encapsulation_key_is_valid`: the check of the standard spelled out here, and pyca/cryptography.

pyca/cryptography has no ML-KEM-512. There kyber-py stands alone, but for the recomputed secret of `encapsulate`; the
tests hold it to published vectors.

Expanded matrices are kept per key, results per request, in small bounded caches. Wrong arguments raise ModelError.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha3_256, sha3_512
from typing import Protocol
from weakref import WeakValueDictionary

from cryptography.hazmat.primitives.asymmetric import mlkem as native
from kyber_py.ml_kem.default_parameters import DEFAULT_PARAMETERS  # type: ignore[import-untyped]
from kyber_py.ml_kem.ml_kem import ML_KEM  # type: ignore[import-untyped]

from harness.model.error import ModelError
from harness.model.reference import ReferenceDisagreement, agree

PARAMETER_SETS = (512, 768, 1024)
SEED_SIZE = 32  # of d, of z and of m
SHARED_SECRET_SIZE = 32
# Table 3 of FIPS 203.
ENCAPSULATION_KEY_SIZES = {512: 800, 768: 1184, 1024: 1568}
RANKS = {512: 2, 768: 3, 1024: 4}  # k of table 2
CIPHERTEXT_SIZES = {512: 768, 768: 1088, 1024: 1568}

_Q = 3329
_RHO_SIZE = 32
_KEYS = 32
_RESULTS = 128

_NATIVE, _PEER, _HERE = "pyca/cryptography", "kyber-py", "the standard's formula"

_PrivateKey = native.MLKEM768PrivateKey | native.MLKEM1024PrivateKey
_PublicKey = native.MLKEM768PublicKey | native.MLKEM1024PublicKey
_NATIVE_CLASSES: dict[int, tuple[type[_PrivateKey], type[_PublicKey]]] = {
    768: (native.MLKEM768PrivateKey, native.MLKEM768PublicKey),
    1024: (native.MLKEM1024PrivateKey, native.MLKEM1024PublicKey),
}


class _Peer(Protocol):
    """What is used of kyber-py; `_encaps_internal` is algorithm 17 of FIPS 203, with m given."""

    def key_derive(self, seed: bytes) -> tuple[bytes, bytes]: ...

    def _encaps_internal(self, ek: bytes, m: bytes) -> tuple[bytes, bytes]: ...

    def decaps(self, dk: bytes, c: bytes) -> bytes: ...

    def _k_pke_decrypt(self, dk_pke: bytes, c: bytes) -> bytes: ...


def _peer(parameter_set: int) -> _Peer:
    """An instance of our own, which keeps the matrices that it expands: a third of an encapsulation."""
    peer = ML_KEM(DEFAULT_PARAMETERS[f"ML{parameter_set}"])
    peer._generate_matrix_from_seed = lru_cache(_KEYS)(peer._generate_matrix_from_seed)
    made: _Peer = peer
    return made


_PEERS: Mapping[int, _Peer] = {parameter_set: _peer(parameter_set) for parameter_set in PARAMETER_SETS}


@dataclass(frozen=True, slots=True, weakref_slot=True)
class DecapsulationKey:
    """A generated key; only `keygen` makes one.

    `encoded` is dk of FIPS 203, 768 k + 96 bytes; `private_key` is pyca/cryptography's, None for ML-KEM-512.
    """

    parameter_set: int
    encapsulation_key: bytes
    encoded: bytes = field(repr=False)
    private_key: _PrivateKey | None = field(repr=False, compare=False)


# The decapsulation keys that somebody holds, by encapsulation key.
_known_keys: WeakValueDictionary[bytes, DecapsulationKey] = WeakValueDictionary()


def keygen(parameter_set: int, d: bytes, z: bytes) -> tuple[bytes, DecapsulationKey]:
    """Encapsulation and decapsulation key of ML-KEM.KeyGen_internal (algorithm 16) with d and z of 32 bytes each."""
    if parameter_set not in PARAMETER_SETS:
        raise ModelError(f"there is no ML-KEM-{parameter_set}: give 512, 768 or 1024")
    _check_size("d", d, SEED_SIZE)
    _check_size("z", z, SEED_SIZE)
    key = _generate(parameter_set, d + z)
    _known_keys[key.encapsulation_key] = key
    return key.encapsulation_key, key


def parameter_set_of_length(length: int) -> int | None:
    """The parameter set whose encapsulation keys have `length` bytes; None when there is none (KEM-2)."""
    return next((number for number, size in ENCAPSULATION_KEY_SIZES.items() if size == length), None)


def encapsulation_key_is_valid(encapsulation_key: bytes) -> bool:
    """The encapsulation key check of FIPS 203 section 7.2: a length of the table, every coefficient below q."""
    parameter_set = parameter_set_of_length(len(encapsulation_key))
    return parameter_set is not None and _is_canonical(parameter_set, encapsulation_key)


def encapsulate(encapsulation_key: bytes, m: bytes) -> tuple[bytes, bytes]:
    """Ciphertext and shared secret of ML-KEM.Encaps_internal (algorithm 17) with m of 32 bytes.

    Raises ModelError when the encapsulation key does not pass `encapsulation_key_is_valid`.
    """
    _check_size("m", m, SEED_SIZE)
    if not encapsulation_key_is_valid(encapsulation_key):
        raise ModelError("the encapsulation key fails the check of FIPS 203 section 7.2: nothing can be encapsulated")
    return _encapsulate(encapsulation_key, m)


def decapsulate(key: DecapsulationKey, ciphertext: bytes) -> bytes:
    """The shared secret of ML-KEM.Decaps_internal (algorithm 18), implicit rejection included (KEM-3).

    Raises ModelError when the ciphertext has not the length that goes with the key.
    """
    _check_size("ciphertext", ciphertext, CIPHERTEXT_SIZES[key.parameter_set])
    return _decapsulate(key, ciphertext)


def decrypt(key: DecapsulationKey, ciphertext: bytes) -> bytes:
    """m' of a decapsulation: K-PKE.Decrypt (algorithm 15) of a ciphertext of the right length, by kyber-py alone."""
    return _decrypt(key, ciphertext)


@lru_cache(_RESULTS)
def _decrypt(key: DecapsulationKey, ciphertext: bytes) -> bytes:
    return _PEERS[key.parameter_set]._k_pke_decrypt(key.encoded[: 384 * RANKS[key.parameter_set]], ciphertext)


@lru_cache(_KEYS)
def _generate(parameter_set: int, seed: bytes) -> DecapsulationKey:
    encapsulation_key, encoded = _PEERS[parameter_set].key_derive(seed)
    private = None
    if parameter_set in _NATIVE_CLASSES:
        private = _NATIVE_CLASSES[parameter_set][0].from_seed_bytes(seed)
        agree(
            f"ML-KEM-{parameter_set} keygen",
            {_NATIVE: private.public_key().public_bytes_raw(), _PEER: encapsulation_key},
            {"d and z": seed},
        )
    return DecapsulationKey(parameter_set, encapsulation_key, encoded, private)


@lru_cache(_RESULTS)
def _is_canonical(parameter_set: int, encapsulation_key: bytes) -> bool:
    """Equation 7.1: ByteEncode12 of ByteDecode12 gives the same bytes when every 12-bit number is below q."""
    encoded = encapsulation_key[:-_RHO_SIZE]
    triples = zip(encoded[0::3], encoded[1::3], encoded[2::3], strict=True)
    results = {_HERE: all(a | (b & 15) << 8 < _Q and b >> 4 | c << 4 < _Q for a, b, c in triples)}
    if parameter_set in _NATIVE_CLASSES:
        try:
            _NATIVE_CLASSES[parameter_set][1].from_public_bytes(encapsulation_key)
            results[_NATIVE] = True
        except ValueError:
            results[_NATIVE] = False
    return agree(f"ML-KEM-{parameter_set} key check", results, {"encapsulation key": encapsulation_key})


@lru_cache(_RESULTS)
def _encapsulate(encapsulation_key: bytes, m: bytes) -> tuple[bytes, bytes]:
    parameter_set = parameter_set_of_length(len(encapsulation_key))
    assert parameter_set is not None
    operation, inputs = f"ML-KEM-{parameter_set} encapsulate", {"encapsulation key": encapsulation_key, "m": m}
    try:
        secret, ciphertext = _PEERS[parameter_set]._encaps_internal(encapsulation_key, m)
    except ValueError as error:
        raise ReferenceDisagreement(f"{operation}: {_PEER} refuses a key that passes the check: {error}") from error
    # Algorithm 17, line 1: the secret is the first half of G(m || H(ek)).
    formula = sha3_512(m + sha3_256(encapsulation_key).digest()).digest()[:SHARED_SECRET_SIZE]
    results = {_PEER: secret, _HERE: formula}
    known = _known_keys.get(encapsulation_key)
    if known is not None and known.private_key is not None:
        results[_NATIVE] = known.private_key.decapsulate(ciphertext)
    return ciphertext, agree(operation, results, inputs)


@lru_cache(_RESULTS)
def _decapsulate(key: DecapsulationKey, ciphertext: bytes) -> bytes:
    results = {_PEER: _PEERS[key.parameter_set].decaps(key.encoded, ciphertext)}
    if key.private_key is not None:
        results[_NATIVE] = key.private_key.decapsulate(ciphertext)
    return agree(
        f"ML-KEM-{key.parameter_set} decapsulate",
        results,
        {"encapsulation key": key.encapsulation_key, "ciphertext": ciphertext},
    )


def _check_size(name: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise ModelError(f"{name} has {len(value)} bytes: give {size}")
