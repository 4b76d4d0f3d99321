# SPDX-License-Identifier: GPL-2.0-or-later
"""SHA-3 and SHAKE (FIPS 202): response files of CAVP, by SHA3VS. They have no request of their own: always calls."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.vectors.case import Case, Parsed
from harness.vectors.cavp import CavpDocument, Record, Section
from harness.vectors.error import VectorError
from harness.vectors.fields import check_bits
from harness.vectors.primitive import Executor, Primitive
from harness.vectors.routes import Functions, expect_bytes

# struct shake: 200 bytes of state, two words; with room to spare.
_SHAKE_CONTEXT = 256
_MONTE_CARLO_ROUNDS = 1000
_MONTE_CARLO_INPUT = 16  # bytes: the leftmost 128 bits of the output before (SHA3VS, section 6.3.3)

_FUNCTIONS = {"SHA3-256": "sha3_256", "SHA3-512": "sha3_512"}
_INITS = {"SHAKE128": "shake128_init", "SHAKE256": "shake256_init"}


@dataclass(frozen=True, slots=True)
class HashCase(Case):
    """The digest of the first `bits` bits of `message`."""

    algorithm: str
    message: bytes
    bits: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class HashMonteCarloCase(Case):
    """The digest of the digest and so on, 1000 times from `seed` (SHA3VS, section 6.2.3)."""

    algorithm: str
    seed: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class XofCase(Case):
    """The first `output_bits` bits that follow from the first `bits` bits of `message`."""

    algorithm: str
    message: bytes
    bits: int
    output: bytes
    output_bits: int


@dataclass(frozen=True, slots=True)
class XofMonteCarloCase(Case):
    """The output of the output and so on, 1000 times from `seed` (SHA3VS, section 6.3.3); lengths in bytes.

    The first round gives `length` bytes, each further one what the end of the output before says, within the limits.
    """

    algorithm: str
    seed: bytes
    length: int
    shortest: int
    longest: int
    output: bytes


# ---- executors ----


def _refusal(algorithm: str, *bits: int) -> str:
    if algorithm not in _FUNCTIONS and algorithm not in _INITS:
        return f"{algorithm}: the service uses SHA3-256, SHA3-512, SHAKE128 and SHAKE256"
    if any(count % 8 for count in bits):
        return "messages and outputs that end within a byte"
    return ""


class HashExecutor(Executor[HashCase]):
    """sha3_256, sha3_512."""

    def refusal(self, case: HashCase) -> str:
        """See Executor."""
        return _refusal(case.algorithm, case.bits)

    def run_function(self, case: HashCase, functions: Functions) -> None:
        """See Executor."""
        digest, size = functions.space(len(case.digest)), case.bits // 8
        functions.call(_FUNCTIONS[case.algorithm], digest, functions.lend(case.message[:size]), size)
        expect_bytes("digest", case.digest, functions.take(digest))


class HashMonteCarloExecutor(Executor[HashMonteCarloCase]):
    """sha3_256, sha3_512, 1000 times."""

    def refusal(self, case: HashMonteCarloCase) -> str:
        """See Executor."""
        return _refusal(case.algorithm)

    def run_function(self, case: HashMonteCarloCase, functions: Functions) -> None:
        """See Executor."""
        size = len(case.digest)
        message, digest = functions.lend(case.seed), functions.space(size)
        functions.call(_FUNCTIONS[case.algorithm], digest, message, size)
        message = functions.space(size)
        for _ in range(_MONTE_CARLO_ROUNDS - 1):
            message, digest = digest, message
            functions.call(_FUNCTIONS[case.algorithm], digest, message, size)
        expect_bytes("digest", case.digest, functions.take(digest))


class XofExecutor(Executor[XofCase]):
    """shake*_init, shake_absorb and shake_squeeze in two unequal parts each."""

    def refusal(self, case: XofCase) -> str:
        """See Executor."""
        return _refusal(case.algorithm, case.bits, case.output_bits)

    def run_function(self, case: XofCase, functions: Functions) -> None:
        """See Executor."""
        shake = functions.context(_SHAKE_CONTEXT)
        size = case.bits // 8
        functions.call(_INITS[case.algorithm], shake)
        for part in (case.message[: size // 3], case.message[size // 3 : size]):
            functions.call("shake_absorb", shake, functions.lend(part), len(part))
        functions.call("shake_finish", shake)
        got = b""
        for length in (len(case.output) // 3, len(case.output) - len(case.output) // 3):
            output = functions.space(length)
            functions.call("shake_squeeze", shake, output, length)
            got += functions.take(output)
        expect_bytes("output", case.output, got)


class XofMonteCarloExecutor(Executor[XofMonteCarloCase]):
    """The SHAKE functions, each part in one call, 1000 times."""

    def refusal(self, case: XofMonteCarloCase) -> str:
        """See Executor."""
        return _refusal(case.algorithm)

    def run_function(self, case: XofMonteCarloCase, functions: Functions) -> None:
        """See Executor."""
        got, length = case.seed, case.length
        for _ in range(_MONTE_CARLO_ROUNDS):
            functions.begin()
            shake, output = functions.context(_SHAKE_CONTEXT), functions.space(length)
            message = functions.lend(got[:_MONTE_CARLO_INPUT].ljust(_MONTE_CARLO_INPUT, b"\0"))
            functions.call(_INITS[case.algorithm], shake)
            functions.call("shake_absorb", shake, message, _MONTE_CARLO_INPUT)
            functions.call("shake_finish", shake)
            functions.call("shake_squeeze", shake, output, length)
            got = functions.take(output)
            length = _next_length(got, case.shortest, case.longest)
        expect_bytes("output", case.output, got)


def _next_length(output: bytes, shortest: int, longest: int) -> int:
    """What the rightmost 16 bits of an output make of the next length."""
    return shortest + int.from_bytes(output[-2:]) % (longest - shortest + 1)


# ---- CAVP: SHA3_*.rsp ----

_DIGEST_BITS = (224, 256, 384, 512)


def read_hashes(document: CavpDocument) -> Parsed | None:
    """The cases of a file of digests, of given messages or of a Monte Carlo chain."""
    if "L" not in document.parameters:
        return None
    bits = document.sections[0].integer("L")
    if bits not in _DIGEST_BITS:
        raise VectorError(f"[L = {bits}] is no digest length of SHA-3 in bits; files of SHA-1 and SHA-2 are not known")
    cases: list[Case] = []
    for section in document.sections:
        section.expect({"L"})
        if section.integer("L") != bits:
            raise VectorError(f"line {section.line}: digest lengths differ within one file")
        chain = section.records[0].names == ("Seed",)
        cases.extend(_hash_chain(section, bits) if chain else _hashes(section, bits))
    return Parsed(f"SHA3-{bits}", tuple(cases))


def _hashes(section: Section, bits: int) -> Iterator[Case]:
    for record in section.records:
        record.expect(("Len", "Msg", "MD"))
        message, length, digest = _message(record), record.integer("Len"), record.hex("MD")
        check_bits(f"line {record.line}: MD", digest, bits)
        yield HashCase(f"line {record.line}", f"SHA3-{bits}", message, length, digest)
    _expect_growing(section)


def _hash_chain(section: Section, bits: int) -> Iterator[Case]:
    seed, *rest = section.records
    digest = _chain_start(seed, "Seed", rest)
    check_bits(f"line {seed.line}: Seed", digest, bits)
    section.expect_counts("COUNT", rest)
    for record in rest:
        start, digest = digest, record.hex("MD")
        check_bits(f"line {record.line}: MD", digest, bits)
        yield HashMonteCarloCase(f"line {record.line}", f"SHA3-{bits}", start, digest)


# ---- CAVP: SHAKE*.rsp ----

_SHAKE_COMMENT = re.compile(r"\bSHAKE(?:128|256)\b")
_OUTPUT_LENGTH = "Outputlen"
_SHORTEST, _LONGEST = "Minimum Output Length (bits)", "Maximum Output Length (bits)"
_VARIABLE = frozenset({"Input Length", _SHORTEST, _LONGEST})
_VARIABLE_KINDS = tuple(f"Tested for Output of {unit}-oriented messages" for unit in ("byte", "bit"))


def read_xofs(document: CavpDocument) -> Parsed | None:
    """The cases of a SHAKE file; which SHAKE it is says a comment alone."""
    if _OUTPUT_LENGTH not in document.parameters and _SHORTEST not in document.parameters:
        return None
    names = {match[0] for comment in document.comments for match in _SHAKE_COMMENT.finditer(comment)}
    if len(names) != 1:
        raise VectorError("no comment says whether this is SHAKE128 or SHAKE256: give the file as NIST publishes it")
    algorithm = names.pop()
    cases: list[Case] = []
    for section in document.sections:
        if _OUTPUT_LENGTH in section.parameters:
            cases.extend(_xofs(section, algorithm))
        elif section.records[0].names == ("Msg",):
            cases.extend(_xof_chain(section, algorithm))
        else:
            cases.extend(_variable_xofs(section, algorithm))
    return Parsed(algorithm, tuple(cases))


def _xofs(section: Section, algorithm: str) -> Iterator[Case]:
    section.expect({_OUTPUT_LENGTH})
    bits = section.integer(_OUTPUT_LENGTH)
    for record in section.records:
        record.expect(("Len", "Msg", "Output"))
        output = record.hex("Output")
        check_bits(f"line {record.line}: Output", output, bits)
        yield XofCase(f"line {record.line}", algorithm, _message(record), record.integer("Len"), output, bits)
    _expect_growing(section)


def _variable_xofs(section: Section, algorithm: str) -> Iterator[Case]:
    kinds = [kind for kind in _VARIABLE_KINDS if kind in section.parameters]
    section.expect(_VARIABLE | set(kinds))
    bits = section.integer("Input Length")
    for record in section.records:
        record.expect(("COUNT", _OUTPUT_LENGTH, "Msg", "Output"))
        output, output_bits = record.hex("Output"), record.integer(_OUTPUT_LENGTH)
        message = record.hex("Msg")
        check_bits(f"line {record.line}: Output", output, _whole_bytes(output_bits))
        check_bits(f"line {record.line}: Msg", message, _whole_bytes(bits))
        yield XofCase(f"line {record.line}", algorithm, message, bits, output, output_bits)
    section.expect_counts("COUNT", section.records)


def _xof_chain(section: Section, algorithm: str) -> Iterator[Case]:
    section.expect({_SHORTEST, _LONGEST})
    # Only whole bytes are drawn (SHA3VS, section 6.3.3): the shortest is rounded up, the longest down.
    shortest, longest = -(-section.integer(_SHORTEST) // 8), section.integer(_LONGEST) // 8
    seed, *rest = section.records
    output, length = _chain_start(seed, "Msg", rest), longest
    if not 2 <= shortest <= longest:
        raise VectorError(f"line {section.line}: {_SHORTEST} and {_LONGEST} leave no length to draw")
    section.expect_counts("COUNT", rest)
    for record in rest:
        start, output = output, record.hex("Output")
        check_bits(f"line {record.line}: Output", output, record.integer(_OUTPUT_LENGTH))
        yield XofMonteCarloCase(f"line {record.line}", algorithm, start, length, shortest, longest, output)
        length = _next_length(output, shortest, longest)


# ---- what both have in common ----


def _message(record: Record) -> bytes:
    """Msg, of which Len bits count; a message of no bits is written as one byte."""
    message, bits = record.hex("Msg"), record.integer("Len")
    check_bits(f"line {record.line}: Msg", message, _whole_bytes(bits) or 8)
    return message


def _whole_bytes(bits: int) -> int:
    return -(-bits // 8) * 8


def _expect_growing(section: Section) -> None:
    lengths = [record.integer("Len") for record in section.records]
    for record, before, length in zip(section.records[1:], lengths, lengths[1:], strict=False):
        if length <= before:
            raise VectorError(f"line {record.line}: Len does not grow: records stand twice or in disorder")


def _chain_start(seed: Record, name: str, rest: list[Record]) -> bytes:
    """The value that a Monte Carlo chain starts from, once the layout of the chain has been checked."""
    seed.expect((name,))
    if not rest:
        raise VectorError(f"line {seed.line}: no record follows the start of the chain: the file is cut off")
    for record in rest:
        record.expect(("COUNT", "MD") if name == "Seed" else ("COUNT", _OUTPUT_LENGTH, "Output"))
    return seed.hex(name)


def read_cavp(document: CavpDocument) -> Parsed | None:
    """The cases of a file of either kind."""
    return read_hashes(document) or read_xofs(document)


PRIMITIVE = Primitive(
    executors={
        HashCase: HashExecutor(),
        HashMonteCarloCase: HashMonteCarloExecutor(),
        XofCase: XofExecutor(),
        XofMonteCarloCase: XofMonteCarloExecutor(),
    },
    cavp=read_cavp,
)
