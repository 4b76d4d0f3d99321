# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of ML-KEM: known answers as .rsp, Wycheproof's four kinds, ACVP's keyGen and encapDecap of FIPS 203."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from harness.vectors.acvp_format import AcvpFormat, AcvpTests
from harness.vectors.case import Case, Parsed
from harness.vectors.cavp import CavpDocument, Record
from harness.vectors.error import VectorError
from harness.vectors.fields import Fields, check_bits
from harness.vectors.primitive import Primitive
from harness.vectors.primitives import mlkem
from harness.vectors.primitives.mlkem import SECRET_SIZE, SEED_SIZE, SIZES, Sizes
from harness.vectors.questions import Answer, AskedCase, Question, Refused, accepted, outputs
from harness.vectors.wycheproof import WycheproofDocument, WycheproofGroup, WycheproofTest, expect_group

_NAMES = {f"{mlkem.ALGORITHM}-{number}": number for number in SIZES}


# ---- known answers: kat_MLKEM_*.rsp ----

_RECORD = ("count", "z", "d", "msg", "seed", "pk", "sk", "ct_n", "ss_n", "ct", "ss")


def read_cavp(document: CavpDocument) -> Parsed | None:
    """Four cases for each record. The parameter set shows in the lengths; ct_n is a ciphertext that fits no key."""
    first = document.sections[0].records[0]
    if document.parameters or not {"z", "d", "ct"} <= set(first.names):
        return None
    section = document.only_section()
    first.expect(_RECORD)
    by_length = {sizes.ek: number for number, sizes in SIZES.items()}
    length = len(first.hex("pk"))
    if length not in by_length:
        raise VectorError(f"line {first.line}: pk has {length} bytes, no encapsulation key of ML-KEM has")
    number = by_length[length]
    cases = tuple(case for record in section.records for case in _known_answers(record, number))
    section.expect_counts("count", section.records)
    return Parsed(f"{mlkem.ALGORITHM}-{number}", cases)


def _known_answers(record: Record, number: int) -> Iterator[Case]:
    record.expect(_RECORD)
    sizes = SIZES[number]
    lengths = {"pk": sizes.ek, "sk": sizes.dk, "ct": sizes.c, "ct_n": sizes.c, "ss": SECRET_SIZE, "ss_n": SECRET_SIZE}
    values = {name: record.hex(name) for name in ("d", "z", "msg", *lengths)}
    for name, value in values.items():
        check_bits(f"line {record.line}: {name}", value, 8 * lengths.get(name, SEED_SIZE))
    name, ek, dk = f"line {record.line}", values["pk"], values["sk"]
    yield AskedCase(f"{name} keygen", mlkem.Keygen(number, values["d"], values["z"]), outputs(ek=ek, dk=dk))
    encapsulated = outputs(c=values["ct"], k=values["ss"])
    yield AskedCase(f"{name} encaps", mlkem.Encaps(number, ek, values["msg"]), encapsulated)
    yield AskedCase(f"{name} decaps", mlkem.Decaps(number, dk, values["ct"]), outputs(k=values["ss"]))
    yield AskedCase(f"{name} reject", mlkem.Decaps(number, dk, values["ct_n"]), outputs(k=values["ss_n"]))


# ---- Wycheproof: mlkem_*_test.json ----


def read_wycheproof(document: WycheproofDocument) -> Parsed:
    """One case for each test of any of the four kinds."""
    return Parsed(mlkem.ALGORITHM, tuple(case for group in document.groups for case in _wycheproof_cases(group)))


def _wycheproof_cases(group: WycheproofGroup) -> Iterator[Case]:
    expect_group(group, *_WYCHEPROOF)
    number = _NAMES[group.fields.text("parameterSet", tuple(_NAMES))]
    group.fields.done()
    for test in group.tests:
        yield _WYCHEPROOF[group.type](test, number)
        test.fields.done()


def _seed_decaps(test: WycheproofTest, number: int) -> Case:
    fields, sizes = test.fields, SIZES[number]
    question = mlkem.SeedDecaps(number, fields.hex("seed"), fields.hex("c"))
    if not test.valid:
        fields.skip("ek", "K")
        return AskedCase(test.name, question, Refused())
    return AskedCase(
        test.name, question, outputs(ek=fields.sized_hex("ek", sizes.ek), k=fields.sized_hex("K", SECRET_SIZE))
    )


def _encaps(test: WycheproofTest, number: int) -> Case:
    fields = test.fields
    question = mlkem.Encaps(number, fields.hex("ek"), fields.sized_hex("m", SEED_SIZE))
    if not test.valid:
        fields.skip("c", "K")
        return AskedCase(test.name, question, Refused())
    expected = outputs(c=fields.sized_hex("c", SIZES[number].c), k=fields.sized_hex("K", SECRET_SIZE))
    return AskedCase(test.name, question, expected)


def _keygen(test: WycheproofTest, number: int) -> Case:
    fields, sizes = test.fields, SIZES[number]
    if not test.valid:
        raise VectorError(f"{test.name}: a key generation that has to fail is unknown")
    seed = fields.sized_hex("seed", 2 * SEED_SIZE)
    expected = outputs(ek=fields.sized_hex("ek", sizes.ek), dk=fields.sized_hex("dk", sizes.dk))
    return AskedCase(test.name, mlkem.Keygen(number, seed[:SEED_SIZE], seed[SEED_SIZE:]), expected)


def _decaps(test: WycheproofTest, number: int) -> Case:
    fields = test.fields
    question = mlkem.Decaps(number, fields.hex("dk"), fields.hex("c"))
    fields.skip("ek")
    if not test.valid:
        fields.skip("K")
        return AskedCase(test.name, question, Refused())
    return AskedCase(test.name, question, outputs(k=fields.sized_hex("K", SECRET_SIZE)))


_WYCHEPROOF: Mapping[str, Callable[[WycheproofTest, int], Case]] = {
    "MLKEMTest": _seed_decaps,
    "MLKEMEncapsTest": _encaps,
    "MLKEMKeyGen": _keygen,
    "MLKEMDecapsValidationTest": _decaps,
}


# ---- ACVP: ML-KEM keyGen, encapDecap (FIPS203) ----


def _acvp_sizes(group: Fields) -> tuple[int, Sizes]:
    number = _NAMES[group.text("parameterSet", tuple(_NAMES))]
    return number, SIZES[number]


class _KeygenTests(AcvpTests):
    def __init__(self, group: Fields) -> None:
        group.text("testType", ("AFT",))
        self._number, self._sizes = _acvp_sizes(group)

    def question(self, test: Fields) -> Question:
        """See AcvpTests."""
        return mlkem.Keygen(self._number, test.sized_hex("d", SEED_SIZE), test.sized_hex("z", SEED_SIZE))

    def answer(self, test: Fields) -> Answer:
        """See AcvpTests."""
        return outputs(ek=test.sized_hex("ek", self._sizes.ek), dk=test.sized_hex("dk", self._sizes.dk))


_ENCAPS, _DECAPS = "encapsulation", "decapsulation"
_CHECK_EK, _CHECK_DK = "encapsulationKeyCheck", "decapsulationKeyCheck"


class _EncapDecapTests(AcvpTests):
    """The older sets have the decapsulation key in the group, the later ones in each test."""

    def __init__(self, group: Fields) -> None:
        group.text("testType", ("AFT", "VAL"))
        self._number, self._sizes = _acvp_sizes(group)
        self._function = group.text("function", (_ENCAPS, _DECAPS, _CHECK_EK, _CHECK_DK))
        self._group_dk = group.hex("dk") if self._function == _DECAPS and "dk" in group else None
        if self._group_dk is not None:
            group.skip("ek")

    def question(self, test: Fields) -> Question:
        """See AcvpTests. Keys may be wrong on purpose, in their lengths too."""
        if self._function == _ENCAPS:
            return mlkem.Encaps(self._number, test.hex("ek"), test.sized_hex("m", SEED_SIZE))
        if self._function == _CHECK_EK:
            return mlkem.CheckEncapsulationKey(self._number, test.hex("ek"))
        dk = test.hex("dk") if self._group_dk is None else self._group_dk
        if self._function == _CHECK_DK:
            return mlkem.CheckDecapsulationKey(self._number, dk)
        return mlkem.Decaps(self._number, dk, test.hex("c"))

    def answer(self, test: Fields) -> Answer:
        """See AcvpTests."""
        test.skip("reason", "ek", "dk")
        if self._function in (_CHECK_EK, _CHECK_DK):
            return accepted(test.flag("testPassed"))
        test.skip("testPassed")
        secret = test.sized_hex("k", SECRET_SIZE)
        if self._function == _DECAPS:
            test.skip("m")
            return outputs(k=secret)
        return outputs(c=test.sized_hex("c", self._sizes.c), k=secret)


PRIMITIVE = Primitive(
    operations={
        mlkem.Keygen: mlkem.KeygenOperation(),
        mlkem.Encaps: mlkem.EncapsOperation(),
        mlkem.Decaps: mlkem.DecapsOperation(),
        mlkem.SeedDecaps: mlkem.SeedDecapsOperation(),
        mlkem.CheckEncapsulationKey: mlkem.CheckEncapsulationKeyOperation(),
        mlkem.CheckDecapsulationKey: mlkem.CheckDecapsulationKeyOperation(),
    },
    cavp=read_cavp,
    wycheproof={mlkem.ALGORITHM: read_wycheproof},
    acvp={
        (mlkem.ALGORITHM, "keyGen"): AcvpFormat(mlkem.ALGORITHM, "FIPS203", _KeygenTests),
        (mlkem.ALGORITHM, "encapDecap"): AcvpFormat(mlkem.ALGORITHM, "FIPS203", _EncapDecapTests),
    },
)
