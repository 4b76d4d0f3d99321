# SPDX-License-Identifier: GPL-2.0-or-later
"""Constant time (SEC-2): secrets decide neither a branch nor an address.

An operation runs several times with other secrets and the same public inputs; the traces of blocks and memory addresses
have to be the same. That is exact for the secrets that were tried: a leak that none of them triggers stays unseen.

Two things are public although they come from secrets, and are muted, each by the name of a function that does nothing
else: rejection sampling of public matrices and of secret polynomials, which shows only what was rejected (FIPS 203,
section 3.3; FIPS 204, section 3.6.2), and what ends up in the signature. Signing is compared for signatures that
succeed at the first attempt, as the number of attempts is public as well.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from emulator.board_file import find_board
from emulator.calls import Buffer, Calls
from emulator.image import load_image
from emulator.machine import Machine
from emulator.trace import Difference, Trace
from harness.analysis.error import AnalysisError
from harness.analysis.exercise import noise
from harness.analysis.finding import Finding
from harness.model import mldsa, mldsa_signer, mlkem
from harness.targets.names import DEFAULT_BOARD

VARIANTS = 4

# The sampling of the public matrix, and of the secret polynomials, which FIPS 204 leaves to rejection.
_MATRIX = ("mlkem_sample_ntt", "mldsa_expand_row")
_REJECTION = ("mldsa_expand_secret",)
# The challenge's polynomial and the hints are parts of the signature.
_PUBLISHED = ("mldsa_sample_in_ball", "mldsa_pack_hints")

_SCRATCH = 0x1_2000  # for struct mldsa_scratch, which the image may have larger: its symbol says


class Bench:
    """A machine that runs single functions of an image."""

    def __init__(self, firmware: Path, board_name: str = DEFAULT_BOARD) -> None:
        row = find_board(board_name, firmware)
        self.machine = Machine(row, load_image(firmware, row))
        self.calls = Calls(self.machine)

    def close(self) -> None:
        """Release the engine."""
        self.machine.close()

    def has(self, names: Iterable[str]) -> bool:
        """Whether the image has all these functions and constants."""
        return all(name in self.machine.image.symbols for name in names)

    def buffer(self, content: bytes | int) -> Buffer:
        """Memory for one call."""
        return self.calls.buffer(content)

    def scratch(self) -> Buffer:
        """Working memory of ML-DSA."""
        symbol = self.machine.image.symbols.get("mldsa_working_memory")
        return self.calls.buffer(max(symbol.size if symbol else 0, _SCRATCH))

    def parameters(self, name: str) -> int:
        """A constant of the image, such as mlkem_512."""
        return self.calls.symbol(name)


# Prepares the call for one variant of the secrets and returns what makes it. Buffers must lie at the same addresses in
# every variant: they do, as each allocates the same sizes in the same order.
Prepare = Callable[[Bench, int], Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Case:
    """One operation; `needs` are the image's symbols without which it cannot run, `muted` those not looked into."""

    name: str
    secret: str
    needs: tuple[str, ...]
    prepare: Prepare
    muted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of a case: so many events in each trace; `difference` says where and how, or is empty."""

    case: str
    secret: str
    events: int
    variants: int
    muted: tuple[str, ...]
    difference: str = ""
    skipped: str = ""

    def as_json(self) -> dict[str, object]:
        """The shape that `hil analyze constant-time --json` promises."""
        return {
            "operation": self.case,
            "secret": self.secret,
            "events": self.events,
            "variants": self.variants,
            "muted": list(self.muted),
            "difference": self.difference,
            "skipped": self.skipped,
        }

    def finding(self) -> Finding | None:
        """The breach, if it is one."""
        if not self.difference:
            return None
        return Finding("SEC-2", "not constant time", f"{self.secret} decides {self.difference}", self.case)


def compare(bench: Bench, case: Case, variants: int = VARIANTS) -> Comparison:
    """Run a case with each variant of its secrets; stops at the first difference."""
    muted = tuple(name for name in case.muted if bench.has((name,)))
    missing = [name for name in case.needs if not bench.has((name,))]
    if missing:
        return Comparison(case.name, case.secret, 0, 0, muted, skipped=f"the image has no {missing[0]}")
    symbols = bench.machine.image.symbols
    with Trace(bench.machine, [symbols[name].address for name in muted]) as trace:
        for variant in range(variants):
            bench.calls.release()
            call = case.prepare(bench, variant)
            if variant == 0:
                trace.record()
                call()
                continue
            trace.compare()
            call()
            found = trace.difference
            if found is not None:
                text = describe(bench.machine, found)
                return Comparison(case.name, case.secret, trace.events, variant + 1, muted, text)
        return Comparison(case.name, case.secret, trace.events, variants, muted)


def describe(machine: Machine, found: Difference) -> str:
    """Where two runs part: a branch, or an address, with symbol and line."""
    one, other = found.recorded, found.other
    where = machine.symbols.describe
    if one.kind in ("read", "write") and (one.kind, one.pc, one.size) == (other.kind, other.pc, other.size):
        verb = "reads" if one.kind == "read" else "writes"
        return (
            f"an address: {where(one.pc)} {verb} {_target(machine, one.address)} or {_target(machine, other.address)}"
        )
    places = [where(event.pc) if event.kind != "end" else "the end" for event in (one, other)]
    return f"a branch: event {found.index} is at {places[0]} or at {places[1]}"


def _target(machine: Machine, address: int) -> str:
    symbol = machine.symbols.data_symbol_at(address)
    return f"{symbol} ({address:#010x})" if symbol else f"{address:#010x}"


def analyze(
    bench: Bench,
    cases: Sequence[Case] | None = None,
    progress: Callable[[int, int], None] | None = None,
    variants: int = VARIANTS,
) -> tuple[Comparison, ...]:
    """Every case. Raises AnalysisError when the image has none of the functions."""
    chosen = CASES if cases is None else tuple(cases)
    results = []
    for done, case in enumerate(chosen):
        results.append(compare(bench, case, variants))
        if progress is not None:
            progress(done + 1, len(chosen))
    if all(result.skipped for result in results):
        raise AnalysisError("the image has none of the functions that are compared; it needs its symbols")
    return tuple(results)


# ---- AES-256-GCM ----

_NONCE, _AAD, _TEXT_SIZE = noise("nonce", 12), noise("aad", 21), 77


def _secret(label: str, variant: int, size: int) -> bytes:
    """The first two variants are the extremes, which random values never come near."""
    return bytes([0x00, 0xFF][variant : variant + 1]) * size or noise(f"{label} {variant}", size)


def _gcm(bench: Bench, key: bytes, text: bytes, tag: bytes, decrypt: bool) -> Callable[[], object]:
    key_at, nonce_at, aad_at, text_at = (bench.buffer(value) for value in (key, _NONCE, _AAD, text))
    tag_at, out_at = bench.buffer(tag), bench.buffer(len(text))
    input_at = bench.buffer(
        struct.pack("<6I", key_at.address, nonce_at.address, aad_at.address, len(_AAD), text_at.address, len(text))
    )
    if decrypt:
        return lambda: bench.calls.call("gcm_decrypt", input_at, tag_at, out_at)
    return lambda: bench.calls.call("gcm_encrypt", input_at, out_at, tag_at)


def _gcm_encrypt(bench: Bench, variant: int) -> Callable[[], object]:
    return _gcm(bench, _secret("key", variant, 32), _secret("text", variant, _TEXT_SIZE), bytes(16), decrypt=False)


def _gcm_decrypt(bench: Bench, variant: int) -> Callable[[], object]:
    key = _secret("key", variant, 32)
    sealed = AESGCM(key).encrypt(_NONCE, _secret("text", variant, _TEXT_SIZE), _AAD)
    return _gcm(bench, key, sealed[:-16], sealed[-16:], decrypt=True)


def _gcm_forged(bench: Bench, variant: int) -> Callable[[], object]:
    """The tag is wrong in its first byte, in its last one, in the middle, everywhere."""
    sealed = AESGCM(noise("key", 32)).encrypt(_NONCE, noise("text", _TEXT_SIZE), _AAD)
    tag = bytearray(sealed[-16:])
    for i in ((0,), (15,), (8,), range(16))[variant % 4]:
        tag[i] ^= 0x80
    return _gcm(bench, noise("key", 32), sealed[:-16], bytes(tag), decrypt=True)


# ---- hashes and the generator ----


def _siphash(bench: Bench, variant: int) -> Callable[[], object]:
    arguments = bench.buffer(16), bench.buffer(_secret("key", variant, 16)), bench.buffer(_NONCE)
    return lambda: bench.calls.call("siphash24_128", *arguments, len(_NONCE))


def _sha3(bench: Bench, variant: int) -> Callable[[], object]:
    arguments = bench.buffer(32), bench.buffer(_secret("data", variant, 200))
    return lambda: bench.calls.call("sha3_256", *arguments, 200)


def _drbg(bench: Bench, variant: int) -> Callable[[], object]:
    state = bench.buffer(_secret("state", variant, 48) + struct.pack("<Q", 1))
    out = bench.buffer(64)
    return lambda: bench.calls.call("ctr_drbg_generate", state, out, 64)


# ---- ML-KEM ----


def _mlkem_keygen(parameter_set: int, bench: Bench, variant: int) -> Callable[[], object]:
    d, z = (bench.buffer(_secret(label, variant, 32)) for label in ("d", "z"))
    ek, dk = bench.buffer(1568), bench.buffer(3168)
    parameters = bench.parameters(f"mlkem_{parameter_set}")
    return lambda: bench.calls.call("mlkem_keygen", parameters, d, z, ek, dk)


def _mlkem_encaps(parameter_set: int, bench: Bench, variant: int) -> Callable[[], object]:
    ek = bench.buffer(mlkem.keygen(parameter_set, noise("d", 32), noise("z", 32))[0])
    m, ct, ss = bench.buffer(_secret("m", variant, 32)), bench.buffer(1568), bench.buffer(32)
    parameters = bench.parameters(f"mlkem_{parameter_set}")
    return lambda: bench.calls.call("mlkem_encaps", parameters, ek, m, ct, ss)


def _mlkem_decaps(parameter_set: int, bench: Bench, variant: int) -> Callable[[], object]:
    """One key; a good ciphertext, one wrong in its first byte, one wrong in its last one, one of zeros."""
    return _decaps(parameter_set, bench, "d", variant)


def _mlkem_decaps_keys(parameter_set: int, bench: Bench, variant: int) -> Callable[[], object]:
    """Other keys, each with a good ciphertext."""
    return _decaps(parameter_set, bench, f"d {variant}", 0)


def _decaps(parameter_set: int, bench: Bench, label: str, wrong: int) -> Callable[[], object]:
    encapsulation_key, key = mlkem.keygen(parameter_set, noise(label, 32), noise("z", 32))
    ciphertext = bytearray(mlkem.encapsulate(encapsulation_key, noise("m", 32))[0])
    if wrong == 3:
        ciphertext = bytearray(len(ciphertext))
    elif wrong:
        ciphertext[0 if wrong == 1 else -1] ^= 1
    dk, ct, ss = bench.buffer(key.encoded), bench.buffer(bytes(ciphertext)), bench.buffer(32)
    parameters = bench.parameters(f"mlkem_{parameter_set}")
    return lambda: bench.calls.call("mlkem_decaps", parameters, dk, ct, ss)


# ---- ML-DSA ----


def _mldsa_keygen(parameter_set: int, bench: Bench, variant: int) -> Callable[[], object]:
    seed, pk, sk = bench.buffer(_secret("seed", variant, 32)), bench.buffer(2592), bench.buffer(4896)
    parameters, scratch = bench.parameters(f"mldsa_{parameter_set}"), bench.scratch()
    return lambda: bench.calls.call("mldsa_keygen", parameters, seed, pk, sk, scratch)


def _mldsa_sign(parameter_set: int, bench: Bench, variant: int) -> Callable[[], object]:
    """Another key and other randomness each, such that the first attempt succeeds."""
    seed, message = noise(f"seed {variant}", 32), noise("message", 100)
    key = mldsa_signer.expand_key(parameter_set, seed)
    candidates = (noise(f"rnd {variant} {i}", 32) for i in range(1000))
    rnd = next(rnd for rnd in candidates if mldsa_signer.attempts(key, b"", message, rnd) == 1)
    secret_key = mldsa.secret_key(parameter_set, seed)
    parameters, scratch = bench.parameters(f"mldsa_{parameter_set}"), bench.scratch()
    sk, context, text, random = (bench.buffer(value) for value in (secret_key, b"", message, rnd))
    signature = bench.buffer(4627)
    arguments = (parameters, sk, context, 0, text, len(message), random, signature, scratch)
    return lambda: bench.calls.call("mldsa_sign", *arguments)


def _by_set(
    name: str,
    secret: str,
    function: str,
    sets: Iterable[int],
    prepare: Callable[..., Callable[[], object]],
    muted: tuple[str, ...],
) -> tuple[Case, ...]:
    family = function.partition("_")[0]
    return tuple(
        Case(f"{name}-{number}", secret, (function, f"{family}_{number}"), partial(prepare, number), muted)
        for number in sets
    )


CASES: tuple[Case, ...] = (
    Case("AES-256-GCM encrypt", "key and plaintext", ("gcm_encrypt",), _gcm_encrypt),
    Case("AES-256-GCM decrypt", "key and plaintext", ("gcm_decrypt",), _gcm_decrypt),
    Case("AES-256-GCM forgery", "the right tag", ("gcm_decrypt",), _gcm_forged),
    Case("SipHash-2-4-128", "key", ("siphash24_128",), _siphash),
    Case("SHA3-256", "data", ("sha3_256",), _sha3),
    Case("CTR_DRBG generate", "state", ("ctr_drbg_generate",), _drbg),
    *_by_set("ML-KEM keygen", "d and z", "mlkem_keygen", mlkem.PARAMETER_SETS, _mlkem_keygen, _MATRIX),
    *_by_set("ML-KEM encaps", "m", "mlkem_encaps", mlkem.PARAMETER_SETS, _mlkem_encaps, ()),
    *_by_set("ML-KEM decaps", "whether it is rejected", "mlkem_decaps", mlkem.PARAMETER_SETS, _mlkem_decaps, ()),
    *_by_set("ML-KEM decaps, keys", "key", "mlkem_decaps", mlkem.PARAMETER_SETS, _mlkem_decaps_keys, _MATRIX),
    *_by_set("ML-DSA keygen", "seed", "mldsa_keygen", mldsa.PARAMETER_SETS, _mldsa_keygen, (*_MATRIX, *_REJECTION)),
    *_by_set("ML-DSA sign", "key and rnd", "mldsa_sign", mldsa.PARAMETER_SETS, _mldsa_sign, (*_MATRIX, *_PUBLISHED)),
)
