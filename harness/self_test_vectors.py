# SPDX-License-Identifier: GPL-2.0-or-later
"""Expected values of the firmware's known-answer tests (FIPS-1), and the header that carries them.

`python -m harness.self_test_vectors` rewrites firmware/service/self_test_vectors.h; with `--check` it writes nothing
and exits 1 when the file is stale. No value comes from the firmware: AES and GCM are pyca/cryptography's, the hashes
hashlib's, SipHash, CTR_DRBG, ML-KEM and ML-DSA those of the reference model, which lets two libraries agree wherever
there are two. A decapsulation key's encoding is kyber-py's, a secret key's and a second opinion on each signature
dilithium-py's.

Every input is a part of the 256 bytes 00, 01, ... ff, so that the firmware need not store any. An answer that is longer
than 64 bytes is kept as its SHA3-256.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha3_256, sha3_512, shake_128, shake_256
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from dilithium_py.ml_dsa.default_parameters import DEFAULT_PARAMETERS  # type: ignore[import-untyped]
from dilithium_py.ml_dsa.ml_dsa import ML_DSA  # type: ignore[import-untyped]

from harness.model import mldsa, mlkem
from harness.model.drbg import CtrDrbg
from harness.model.reference import agree
from harness.model.siphash import siphash24_128

HEADER = Path("firmware", "service", "self_test_vectors.h")
ANSWER_MAX = 64

# A verdict is one byte; what a refused decryption leaves alone is what the firmware filled the answer with.
ACCEPTED, REFUSED, FILL = b"\x01", b"\x00", b"\xff"

_BYTES = bytes(range(256))
_DRAW = 64  # bytes of the generator's second draw; the first shows that the state moves on


@dataclass(frozen=True, slots=True)
class Input:
    """A part of the counting bytes: `size` bytes from byte `offset` on."""

    offset: int
    size: int

    @property
    def bytes(self) -> bytes:
        """The bytes themselves."""
        return _BYTES[self.offset : self.offset + self.size]


# Hashed: more than one block of each rate, the longest being 168 bytes. Signed: of this length, the first attempt at a
# signature is rejected with each parameter set, and the second is not.
INPUTS = {
    "KEY": Input(0, 32),
    "BLOCK": Input(32, 16),
    "NONCE": Input(48, 12),
    "AAD": Input(60, 20),
    "TEXT": Input(80, 32),
    "HASHED": Input(0, 200),
    "SIPHASH_KEY": Input(0, 16),
    "SIPHASH": Input(0, 63),
    "ENTROPY": Input(0, 48),
    "MLKEM_D": Input(0, 32),
    "MLKEM_Z": Input(32, 32),
    "MLKEM_M": Input(64, 32),
    "MLDSA_SEED": Input(0, 32),
    "MLDSA_CONTEXT": Input(32, 8),
    "MLDSA_MESSAGE": Input(0, 112),
}


class _Peer(Protocol):
    """What is used of dilithium-py."""

    def key_derive(self, seed: bytes) -> tuple[bytes, bytes]: ...

    def sign(self, sk: bytes, m: bytes, ctx: bytes, deterministic: bool) -> bytes: ...


def answers() -> dict[str, bytes]:
    """Every expected value by the name of its test, such as `MLKEM_512_KEYGEN`; at most 64 bytes each."""
    found = dict(_symmetric())
    for parameter_set in mlkem.PARAMETER_SETS:
        found |= {f"MLKEM_{parameter_set}_{name}": value for name, value in _mlkem(parameter_set)}
    for parameter_set in mldsa.PARAMETER_SETS:
        found |= {f"MLDSA_{parameter_set}_{name}": value for name, value in _mldsa(parameter_set)}
    return found


def _symmetric() -> Iterator[tuple[str, bytes]]:
    key, text, hashed = (INPUTS[name].bytes for name in ("KEY", "TEXT", "HASHED"))
    yield "AES256_BLOCK", Cipher(AES256(key), ECB()).encryptor().update(INPUTS["BLOCK"].bytes)
    yield "GCM_ENCRYPT", AESGCM(key).encrypt(INPUTS["NONCE"].bytes, text, INPUTS["AAD"].bytes)
    yield "GCM_DECRYPT", ACCEPTED + text
    yield "GCM_REJECT", REFUSED + FILL * len(text)
    yield "SHA3_256", sha3_256(hashed).digest()
    yield "SHA3_512", sha3_512(hashed).digest()
    # The last 32 of as many bytes as were hashed: of the second block that is squeezed.
    yield "SHAKE128", shake_128(hashed).digest(len(hashed))[-32:]
    yield "SHAKE256", shake_256(hashed).digest(len(hashed))[-32:]
    yield "SIPHASH", siphash24_128(INPUTS["SIPHASH_KEY"].bytes, INPUTS["SIPHASH"].bytes)
    generator = CtrDrbg(INPUTS["ENTROPY"].bytes)
    generator.generate(_DRAW)
    yield "CTR_DRBG", generator.generate(_DRAW)


def _mlkem(parameter_set: int) -> Iterator[tuple[str, bytes]]:
    encapsulation_key, key = mlkem.keygen(parameter_set, INPUTS["MLKEM_D"].bytes, INPUTS["MLKEM_Z"].bytes)
    ciphertext, secret = mlkem.encapsulate(encapsulation_key, INPUTS["MLKEM_M"].bytes)
    yield "KEYGEN", sha3_256(encapsulation_key + key.encoded).digest()
    yield "ENCAPS", secret + sha3_256(ciphertext).digest()
    yield "DECAPS", mlkem.decapsulate(key, ciphertext)
    yield "REJECT", mlkem.decapsulate(key, _first_bit_flipped(ciphertext))


def _mldsa(parameter_set: int) -> Iterator[tuple[str, bytes]]:
    seed, context, message = (INPUTS[f"MLDSA_{name}"].bytes for name in ("SEED", "CONTEXT", "MESSAGE"))
    peer: _Peer = ML_DSA(DEFAULT_PARAMETERS[f"ML_DSA_{parameter_set}"])
    peers_public_key, secret_key = peer.key_derive(seed)
    public_key = agree(
        f"ML-DSA-{parameter_set} public key",
        {"the model": mldsa.public_key(parameter_set, seed), "dilithium-py": peers_public_key},
        {"seed": seed},
    )
    signature = agree(
        f"ML-DSA-{parameter_set} sign",
        {
            "the model": mldsa.sign(parameter_set, seed, context, message, bytes(mldsa.RND_SIZE)),
            "dilithium-py": peer.sign(secret_key, message, ctx=context, deterministic=True),
        },
        {"seed": seed, "context": context, "message": message},
    )
    yield "KEYGEN", sha3_256(public_key + secret_key).digest()
    yield "SIGN", sha3_256(signature).digest()
    for name, presented in (("VERIFY", signature), ("REJECT", _first_bit_flipped(signature))):
        valid = mldsa.verify(parameter_set, public_key, context, message, presented)
        yield name, ACCEPTED if valid else REFUSED


def _first_bit_flipped(data: bytes) -> bytes:
    return bytes([data[0] ^ 1]) + data[1:]


# ---- the header ----

_BANNER = """\
/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Generated by `python -m harness.self_test_vectors` from harness/self_test_vectors.py: change it there. */
#ifndef SELF_TEST_VECTORS_H
#define SELF_TEST_VECTORS_H
"""
_BYTES_A_LINE = 16


def render() -> str:
    """The text of the header."""
    inputs = "".join(
        f"#define INPUT_{name} {part.offset}u\n#define INPUT_{name}_SIZE {part.size}u\n"
        for name, part in INPUTS.items()
    )
    expected = "".join(f"\n#define ANSWER_{name} \\\n{_initialiser(value)}\n" for name, value in answers().items())
    return (
        f"{_BANNER}\n"
        f"/* Inputs: offsets and sizes within the bytes 0x00, 0x01, ... 0xff. */\n{inputs}"
        f"#define INPUT_DRAW_SIZE {_DRAW}u\n"
        f"\n/* Answers: what reference implementations compute from them. */\n"
        f"#define ANSWER_MAX {ANSWER_MAX}u\n"
        f"/* clang-format off */\n{expected}\n/* clang-format on */\n\n#endif\n"
    )


def _initialiser(value: bytes) -> str:
    if len(value) > ANSWER_MAX:
        raise ValueError(f"an answer of {len(value)} bytes is over {ANSWER_MAX}: keep its SHA3-256")
    lines = [value[start : start + _BYTES_A_LINE] for start in range(0, len(value), _BYTES_A_LINE)]
    return "    {" + ", \\\n     ".join(", ".join(f"0x{byte:02x}" for byte in line) for line in lines) + "}"


def stale(root: Path) -> list[Path]:
    """The header in a list if it is missing or differs from what it should be, under the project's `root`."""
    path = root / HEADER
    return [] if path.exists() and path.read_text(encoding="utf-8") == render() else [path]


def main(arguments: Sequence[str] | None = None) -> int:
    """Development entry point: writes or checks, and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m harness.self_test_vectors", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name the file if it is stale")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help="the project's top folder")
    options = parser.parse_args(arguments)
    found = stale(options.root)
    for path in found:
        if not options.check:
            path.write_text(render(), encoding="utf-8")
        print(f"{'stale' if options.check else 'wrote'}: {path.relative_to(options.root)}")  # noqa: T201
    return 1 if found and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
