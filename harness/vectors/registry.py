# SPDX-License-Identifier: GPL-2.0-or-later
"""The primitives whose vectors can be read and run, in one list."""

from __future__ import annotations

from typing import Any

from harness.vectors.acvp import Identity
from harness.vectors.acvp_format import AcvpFormat
from harness.vectors.case import Case, Parsed
from harness.vectors.cavp import CavpDocument
from harness.vectors.error import VectorError
from harness.vectors.fields import shortened
from harness.vectors.primitive import AskingExecutor, Executor, Primitive
from harness.vectors.primitives import ctr_drbg, gcm, mldsa_files, mlkem_files, sha3
from harness.vectors.questions import AskedCase, NotOffered, NotOfferedOperation, Operation, Question
from harness.vectors.wycheproof import WycheproofDocument

PRIMITIVES: tuple[Primitive, ...] = (
    gcm.PRIMITIVE,
    mlkem_files.PRIMITIVE,
    mldsa_files.PRIMITIVE,
    sha3.PRIMITIVE,
    ctr_drbg.PRIMITIVE,
)


def operation_of(question: Question) -> Operation[Any]:
    """What asks this question."""
    if isinstance(question, NotOffered):
        return NotOfferedOperation()
    return next(p.operations[type(question)] for p in PRIMITIVES if type(question) in p.operations)


def executor_of(case: Case) -> Executor[Any]:
    """What runs this case."""
    if isinstance(case, AskedCase):
        return AskingExecutor(operation_of(case.question))
    return next(p.executors[type(case)] for p in PRIMITIVES if type(case) in p.executors)


def read_cavp(document: CavpDocument) -> Parsed:
    """The cases of a CAVP file; VectorError when no primitive knows it."""
    for primitive in PRIMITIVES:
        parsed = primitive.cavp(document)
        if parsed is not None:
            return parsed
    first = document.sections[0]
    names = ", ".join((*(f"[{name}]" for name in first.parameters), *first.records[0].names))
    raise VectorError(f"no algorithm is known whose .rsp file has {shortened(names)}")


def read_wycheproof(document: WycheproofDocument) -> Parsed:
    """The cases of a Wycheproof file; VectorError when no primitive knows its algorithm."""
    readers = {name: reader for primitive in PRIMITIVES for name, reader in primitive.wycheproof.items()}
    if document.algorithm not in readers:
        raise VectorError(f"algorithm {shortened(document.algorithm)} is unknown, known: {', '.join(sorted(readers))}")
    return readers[document.algorithm](document)


def acvp_format(identity: Identity) -> AcvpFormat:
    """How a vector set is read; VectorError when no primitive knows its algorithm and mode."""
    formats = {key: form for primitive in PRIMITIVES for key, form in primitive.acvp.items()}
    key = identity.algorithm, identity.mode
    if key not in formats:
        known = ", ".join(sorted(" ".join(filter(None, pair)) for pair in formats))
        raise VectorError(f"algorithm {shortened(' '.join(filter(None, key)))} is unknown, known: {known}")
    return formats[key]
