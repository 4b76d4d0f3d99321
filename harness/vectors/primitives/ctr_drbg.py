# SPDX-License-Identifier: GPL-2.0-or-later
"""CTR_DRBG (NIST SP 800-90A Rev. 1, section 10.2.1): response files of CAVP, by DRBGVS. Always calls.

The service has AES-256 without derivation function, personalisation, additional input or reseeding (RNG-1), and gives
none of its output away as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.vectors.case import Case, Parsed
from harness.vectors.cavp import CavpDocument, Record, Section
from harness.vectors.error import VectorError
from harness.vectors.fields import check_bits
from harness.vectors.primitive import Executor, Primitive
from harness.vectors.routes import CaseFailed, Functions, expect_bytes

ALGORITHM = "CTR_DRBG"

_CONTEXT = 64  # struct ctr_drbg: 48 bytes and a counter of 64 bits
_OFFERED = "AES-256 no df"


@dataclass(frozen=True, slots=True)
class CtrDrbgCase(Case):
    """`returned` is what the second of two generate calls of its length gives, after instantiation with `entropy`.

    `reseeded` says that fresh entropy comes in between, which is not kept here: nothing could use it.
    """

    mechanism: str
    entropy: bytes
    personalization: bytes
    additional: bytes
    reseeded: bool
    returned: bytes


class CtrDrbgExecutor(Executor[CtrDrbgCase]):
    """ctr_drbg_init, ctr_drbg_generate."""

    def refusal(self, case: CtrDrbgCase) -> str:
        """See Executor."""
        if case.mechanism != _OFFERED:
            return f"CTR_DRBG other than {_OFFERED}"
        if case.reseeded:
            return "reseeding of the generator"
        if case.personalization or case.additional:
            return "personalisation or additional input of the generator"
        return ""

    def run_function(self, case: CtrDrbgCase, functions: Functions) -> None:
        """See Executor."""
        drbg = functions.context(_CONTEXT)
        functions.call("ctr_drbg_init", drbg, functions.lend(case.entropy))
        for _ in range(2):
            output = functions.space(len(case.returned))
            if not functions.call("ctr_drbg_generate", drbg, output, len(case.returned)):
                raise CaseFailed("ctr_drbg_generate refused the call")
        expect_bytes("returned bits", case.returned, functions.take(output))


# ---- CAVP: CTR_DRBG.rsp of drbgvectors_no_reseed, _pr_false and _pr_true ----

_MECHANISM = re.compile(r"(?:AES-(?:128|192|256)|3KeyTDEA) (?:no|use) df")
_LENGTHS = {
    "EntropyInput": "EntropyInputLen",
    "Nonce": "NonceLen",
    "PersonalizationString": "PersonalizationStringLen",
    "EntropyInputReseed": "EntropyInputLen",
    "AdditionalInputReseed": "AdditionalInputLen",
    "EntropyInputPR": "EntropyInputLen",
    "AdditionalInput": "AdditionalInputLen",
    "ReturnedBits": "ReturnedBitsLen",
}
_PARAMETERS = frozenset(_LENGTHS.values()) | {"PredictionResistance"}

_START = ("COUNT", "EntropyInput", "Nonce", "PersonalizationString")
_NO_RESEED = (*_START, "AdditionalInput", "AdditionalInput", "ReturnedBits")
_RESEED = (
    *_START,
    "EntropyInputReseed",
    "AdditionalInputReseed",
    "AdditionalInput",
    "AdditionalInput",
    "ReturnedBits",
)
_RESISTANT = (*_START, *("AdditionalInput", "EntropyInputPR") * 2, "ReturnedBits")


def read_cavp(document: CavpDocument) -> Parsed | None:
    """The cases of a CTR_DRBG file."""
    if "PredictionResistance" not in document.parameters:
        return None
    return Parsed(ALGORITHM, tuple(case for section in document.sections for case in _cases(section)))


def _cases(section: Section) -> Iterator[Case]:
    mechanisms = [name for name, value in section.parameters.items() if value is None and _MECHANISM.fullmatch(name)]
    if len(mechanisms) != 1:
        raise VectorError(f"line {section.line}: the section names no mechanism of CTR_DRBG, such as [{_OFFERED}]")
    section.expect(_PARAMETERS | set(mechanisms))
    resistance = section.parameters["PredictionResistance"]
    if resistance not in ("True", "False"):
        raise VectorError(f"line {section.line}: PredictionResistance is neither True nor False")
    for record in section.records:
        record.expect(*((_RESISTANT,) if resistance == "True" else (_NO_RESEED, _RESEED)))
        yield _case(section, record, mechanisms[0])
    section.expect_counts("COUNT", section.records)


def _case(section: Section, record: Record, mechanism: str) -> Case:
    for name, parameter in _LENGTHS.items():
        for value in record.all_hex(name):
            check_bits(f"line {record.line}: {name}", value, section.integer(parameter))
    return CtrDrbgCase(
        f"line {record.line}",
        mechanism,
        record.hex("EntropyInput"),
        record.hex("PersonalizationString"),
        b"".join(record.all_hex("AdditionalInput")),
        record.names != _NO_RESEED,
        record.hex("ReturnedBits"),
    )


PRIMITIVE = Primitive(executors={CtrDrbgCase: CtrDrbgExecutor()}, cavp=read_cavp)
