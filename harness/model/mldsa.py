# SPDX-License-Identifier: GPL-2.0-or-later
"""ML-DSA as the service uses it (DSA-1; FIPS 204): pure, hedged, bit for bit with chosen randomness.

Every result has two references, and ReferenceDisagreement is raised where they differ:

- `public_key`: pyca/cryptography, and `harness.model.mldsa_signer`;
- `sign`: the signer, as pyca/cryptography chooses its own randomness; pyca/cryptography verifies what it makes.
  That dilithium-py makes the same bits is left to the tests: it takes 25 to 50 ms for a signature;
- `verify`: pyca/cryptography, and dilithium-py.

Expanded keys are kept per key, results per request, in small bounded caches. Wrong arguments raise ModelError. For one
thread only: dilithium-py has one hash object for all.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa as native
from dilithium_py.ml_dsa.default_parameters import DEFAULT_PARAMETERS  # type: ignore[import-untyped]
from dilithium_py.ml_dsa.ml_dsa import ML_DSA  # type: ignore[import-untyped]

from harness.model import mldsa_signer
from harness.model.error import ModelError
from harness.model.reference import agree

PARAMETER_SETS = (44, 65, 87)
SEED_SIZE = 32
RND_SIZE = 32
CONTEXT_MAX = 255
# Table 2 of FIPS 204.
PUBLIC_KEY_SIZES = {44: 1312, 65: 1952, 87: 2592}
SIGNATURE_SIZES = {44: 2420, 65: 3309, 87: 4627}

_SECRET_KEY_HEAD = 32 + 32 + 64  # rho, K and tr, behind which the polynomials stand

_KEYS = 32
_RESULTS = 128  # of which each may hold a message of 64 KiB

_NATIVE, _PEER, _SIGNER = "pyca/cryptography", "dilithium-py", "mldsa_signer"

_PrivateKey = native.MLDSA44PrivateKey | native.MLDSA65PrivateKey | native.MLDSA87PrivateKey
_PublicKey = native.MLDSA44PublicKey | native.MLDSA65PublicKey | native.MLDSA87PublicKey
_NATIVE_CLASSES: dict[int, tuple[type[_PrivateKey], type[_PublicKey]]] = {
    44: (native.MLDSA44PrivateKey, native.MLDSA44PublicKey),
    65: (native.MLDSA65PrivateKey, native.MLDSA65PublicKey),
    87: (native.MLDSA87PrivateKey, native.MLDSA87PublicKey),
}


class _Peer(Protocol):
    """What is used of dilithium-py."""

    def verify(self, pk: bytes, m: bytes, sig: bytes, ctx: bytes) -> bool: ...

    def key_derive(self, seed: bytes) -> tuple[bytes, bytes]: ...


def _peer(parameter_set: int) -> _Peer:
    """An instance of our own, which keeps the matrices that it expands: more than a third of a verification."""
    peer = ML_DSA(DEFAULT_PARAMETERS[f"ML_DSA_{parameter_set}"])
    peer._expand_matrix_from_seed = lru_cache(_KEYS)(peer._expand_matrix_from_seed)
    made: _Peer = peer
    return made


_PEERS: Mapping[int, _Peer] = {parameter_set: _peer(parameter_set) for parameter_set in PARAMETER_SETS}


def public_key(parameter_set: int, seed: bytes) -> bytes:
    """The encoded public key that belongs to a seed of 32 bytes (ML-DSA.KeyGen_internal, algorithm 6)."""
    _check_parameter_set(parameter_set)
    _check_size("seed", seed, SEED_SIZE)
    return _signing_key(parameter_set, seed).public_key


def sign(parameter_set: int, seed: bytes, context: bytes, message: bytes, rnd: bytes) -> bytes:
    """The signature of ML-DSA.Sign (algorithm 2) with `rnd`, 32 bytes, as its randomness; context of 0 to 255 bytes."""
    _check_parameter_set(parameter_set)
    _check_size("seed", seed, SEED_SIZE)
    _check_size("rnd", rnd, RND_SIZE)
    _check_context(context)
    return _sign(parameter_set, seed, context, message, rnd)


def verify(parameter_set: int, public_key: bytes, context: bytes, message: bytes, signature: bytes) -> bool:
    """ML-DSA.Verify (algorithm 3); a signature of another length is invalid, as in the standard."""
    _check_parameter_set(parameter_set)
    _check_size("public key", public_key, PUBLIC_KEY_SIZES[parameter_set])
    _check_context(context)
    return _verify(parameter_set, public_key, context, message, signature)


def secret_key(parameter_set: int, seed: bytes) -> bytes:
    """The encoded secret key of a seed (algorithms 6 and 24), by dilithium-py alone."""
    _check_parameter_set(parameter_set)
    _check_size("seed", seed, SEED_SIZE)
    return _PEERS[parameter_set].key_derive(seed)[1]


def key_secrets(parameter_set: int, seed: bytes) -> tuple[bytes, bytes, bytes]:
    """rho', K and the encodings of s1, s2 and t0 (algorithms 6 and 24): the secret parts of an expanded key."""
    encoded = secret_key(parameter_set, seed)
    rho_prime, key_seed = mldsa_signer.secret_seeds(parameter_set, seed)
    return rho_prime, key_seed, encoded[_SECRET_KEY_HEAD:]


def mask_secrets(
    parameter_set: int, seed: bytes, context: bytes, message: bytes, rnd: bytes
) -> tuple[bytes, list[list[int]]]:
    """rho'' of a signature, and the mask y of its first attempt (algorithm 7, lines 7 and 11)."""
    return mldsa_signer.first_mask(_signing_key(parameter_set, seed), context, message, rnd)


@lru_cache(_KEYS)
def _signing_key(parameter_set: int, seed: bytes) -> mldsa_signer.SigningKey:
    """The expanded key, its public key confirmed."""
    key = mldsa_signer.expand_key(parameter_set, seed)
    expected = _NATIVE_CLASSES[parameter_set][0].from_seed_bytes(seed).public_key().public_bytes_raw()
    agree(
        f"ML-DSA-{parameter_set} public key",
        {_NATIVE: expected, _SIGNER: key.public_key},
        {"seed": seed},
    )
    return key


@lru_cache(_KEYS)
def _native_public_key(parameter_set: int, public_key: bytes) -> _PublicKey:
    return _NATIVE_CLASSES[parameter_set][1].from_public_bytes(public_key)


@lru_cache(_RESULTS)
def _sign(parameter_set: int, seed: bytes, context: bytes, message: bytes, rnd: bytes) -> bytes:
    key = _signing_key(parameter_set, seed)
    signature = mldsa_signer.sign(key, context, message, rnd)
    valid = _native_verify(parameter_set, key.public_key, context, message, signature)
    agree(
        f"ML-DSA-{parameter_set} sign, is the signature valid",
        {_SIGNER: True, _NATIVE: valid},
        {"seed": seed, "context": context, "message": message, "rnd": rnd},
    )
    return signature


@lru_cache(_RESULTS)
def _verify(parameter_set: int, public_key: bytes, context: bytes, message: bytes, signature: bytes) -> bool:
    return agree(
        f"ML-DSA-{parameter_set} verify",
        {
            _NATIVE: _native_verify(parameter_set, public_key, context, message, signature),
            _PEER: _PEERS[parameter_set].verify(public_key, message, signature, context),
        },
        {"public key": public_key, "context": context, "message": message, "signature": signature},
    )


def _native_verify(parameter_set: int, public_key: bytes, context: bytes, message: bytes, signature: bytes) -> bool:
    try:
        _native_public_key(parameter_set, public_key).verify(signature, message, context)
    except InvalidSignature:
        return False
    return True


def _check_parameter_set(parameter_set: int) -> None:
    if parameter_set not in PARAMETER_SETS:
        raise ModelError(f"there is no ML-DSA-{parameter_set}: give 44, 65 or 87")


def _check_context(context: bytes) -> None:
    if len(context) > CONTEXT_MAX:
        raise ModelError(f"a context of {len(context)} bytes is too long: give at most {CONTEXT_MAX}")


def _check_size(name: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise ModelError(f"{name} has {len(value)} bytes: give {size}")
