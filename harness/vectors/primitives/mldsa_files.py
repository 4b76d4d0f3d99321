# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of ML-DSA: known answers as .rsp, Wycheproof's three kinds, ACVP's keyGen, sigGen, sigVer of FIPS 204."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.vectors.acvp_format import AcvpFormat, AcvpTests
from harness.vectors.case import Case, Parsed
from harness.vectors.cavp import CavpDocument, Record
from harness.vectors.error import VectorError
from harness.vectors.fields import Fields, check_bits
from harness.vectors.primitive import Primitive
from harness.vectors.primitives import mldsa
from harness.vectors.primitives.mldsa import DETERMINISTIC, RND_SIZE, SEED_SIZE, SIZES, Message
from harness.vectors.questions import Answer, AskedCase, NotOffered, Question, Refused, accepted, outputs
from harness.vectors.wycheproof import WycheproofDocument, WycheproofGroup, WycheproofTest, expect_group

_NAMES = {f"{mldsa.ALGORITHM}-{number}": number for number in SIZES}

_EXTERNAL_MU = "ML-DSA with a message representative (mu) that the caller computes"
_PRE_HASH = "HashML-DSA: the service has pure ML-DSA (DSA-1)"
_MU_SIZE = 64


# ---- known answers: kat_MLDSA_*_det_pure.rsp ----

_RECORD = ("count", "xi", "seed", "pk", "sk", "msg", "mlen", "sm", "smlen", "ctx")


def read_cavp(document: CavpDocument) -> Parsed | None:
    """Three cases for each record, signatures being deterministic. The parameter set shows in the lengths."""
    first = document.sections[0].records[0]
    if document.parameters or not {"xi", "sm"} <= set(first.names):
        return None
    section = document.only_section()
    first.expect(_RECORD)
    by_length = {sizes.pk: number for number, sizes in SIZES.items()}
    length = len(first.hex("pk"))
    if length not in by_length:
        raise VectorError(f"line {first.line}: pk has {length} bytes, no public key of ML-DSA has")
    number = by_length[length]
    cases = tuple(case for record in section.records for case in _known_answers(record, number))
    section.expect_counts("count", section.records)
    return Parsed(f"{mldsa.ALGORITHM}-{number}", cases)


def _known_answers(record: Record, number: int) -> Iterator[Case]:
    """sm is the signature, then the message."""
    record.expect(_RECORD)
    sizes, name = SIZES[number], f"line {record.line}"
    seed, pk, sk, content, signed = (record.hex(field) for field in ("xi", "pk", "sk", "msg", "sm"))
    stated = (
        ("xi", seed, SEED_SIZE),
        ("pk", pk, sizes.pk),
        ("sk", sk, sizes.sk),
        ("msg", content, record.integer("mlen")),
        ("sm", signed, record.integer("smlen")),
        ("sm", signed, sizes.signature + len(content)),
    )
    for field, value, size in stated:
        check_bits(f"{name}: {field}", value, 8 * size)
    signature, message = signed[: sizes.signature], Message(content, record.hex("ctx"))
    if signed[sizes.signature :] != content:
        raise VectorError(f"{name}: sm does not end in the message: the file is damaged")
    yield AskedCase(f"{name} keygen", mldsa.Keygen(number, seed), outputs(pk=pk, sk=sk))
    yield AskedCase(f"{name} sign", mldsa.Sign(number, sk, message, DETERMINISTIC), outputs(signature=signature))
    yield AskedCase(f"{name} verify", mldsa.Verify(number, pk, message, signature), accepted(True))


# ---- Wycheproof: mldsa_*_sign_seed_test.json, _sign_noseed_, _verify_ ----

_SIGN, _VERIFY = "MlDsaSign", "MlDsaVerify"


def read_wycheproof(document: WycheproofDocument) -> Parsed:
    """One case for each test. A context that is not stated is empty."""
    number = _NAMES[document.algorithm]
    return Parsed(document.algorithm, tuple(case for group in document.groups for case in _cases(group, number)))


def _cases(group: WycheproofGroup, number: int) -> Iterator[Case]:
    expect_group(group, _SIGN, _VERIFY)
    fields = group.fields
    if group.type == _VERIFY:
        pk = fields.hex("publicKey")
        fields.skip("publicKeyDer")
        fields.done()
        for test in group.tests:
            yield _verify_case(test, number, pk)
        return
    seeded = "privateSeed" in fields
    key = fields.hex("privateSeed" if seeded else "privateKey")
    public = fields.hex_or_null("publicKey")
    fields.skip("privateKeyPkcs8")
    fields.done()
    # Only a seed gives the public key again.
    derived = {} if public is None else {"pk": public}
    for test in group.tests:
        yield _sign_case(test, number, key, derived if seeded else None)


def _verify_case(test: WycheproofTest, number: int, pk: bytes) -> Case:
    fields = test.fields
    message = Message(fields.hex("msg"), _context(fields))
    question = mldsa.Verify(number, pk, message, fields.hex("sig"))
    fields.skip("mu")
    fields.done()
    return AskedCase(test.name, question, accepted(test.valid))


def _sign_case(test: WycheproofTest, number: int, key: bytes, derived: Mapping[str, bytes] | None) -> Case:
    """`derived` is what a seed has to give besides the signature; None says that the key is a secret key."""
    fields = test.fields
    rnd = fields.sized_hex("rnd", RND_SIZE) if "rnd" in fields else DETERMINISTIC
    context = _context(fields)
    question: Question
    if "msg" not in fields:
        fields.sized_hex("mu", _MU_SIZE)
        question = NotOffered(_EXTERNAL_MU)
    else:
        message = Message(fields.hex("msg"), context)
        question = (mldsa.Sign if derived is None else mldsa.SeedSign)(number, key, message, rnd)
    fields.skip("mu")
    expected: Answer = Refused()
    if test.valid:
        expected = outputs(**(derived or {}), signature=fields.sized_hex("sig", SIZES[number].signature))
    fields.skip("sig")
    fields.done()
    return AskedCase(test.name, question, expected)


def _context(test: Fields) -> bytes:
    return test.hex("ctx") if "ctx" in test else b""


# ---- ACVP: ML-DSA keyGen, sigGen, sigVer (FIPS204) ----


class _KeygenTests(AcvpTests):
    def __init__(self, group: Fields) -> None:
        group.text("testType", ("AFT",))
        self._number = _NAMES[group.text("parameterSet", tuple(_NAMES))]

    def question(self, test: Fields) -> Question:
        """See AcvpTests."""
        return mldsa.Keygen(self._number, test.sized_hex("seed", SEED_SIZE))

    def answer(self, test: Fields) -> Answer:
        """See AcvpTests."""
        sizes = SIZES[self._number]
        return outputs(pk=test.sized_hex("pk", sizes.pk), sk=test.sized_hex("sk", sizes.sk))


class _SignatureTests(AcvpTests):
    """What sigGen and sigVer have in common: the interface, and with it what is signed."""

    def __init__(self, group: Fields) -> None:
        group.text("testType", ("AFT",))
        self.number = _NAMES[group.text("parameterSet", tuple(_NAMES))]
        self._external = group.text("signatureInterface", ("external", "internal")) == "external"
        group.skip("cornerCase")
        self._offer = ""
        # A file with everything says "none" or false where the other interface is meant.
        if self._external:
            pre_hash = group.text("preHash", ("pure", "preHash"))
            self._offer = _PRE_HASH if pre_hash == "preHash" else ""
            group.skip("externalMu")
        else:
            self._offer = _EXTERNAL_MU if "externalMu" in group and group.flag("externalMu") else ""
            group.skip("preHash")

    def message(self, test: Fields) -> Message | NotOffered:
        """Takes what is signed."""
        if self._offer == _EXTERNAL_MU:
            test.sized_hex("mu", _MU_SIZE)
            test.skip("message")
            return NotOffered(self._offer)
        content = test.hex("message")
        context = test.hex("context") if self._external else None
        if self._offer:
            test.text("hashAlg")
            return NotOffered(self._offer)
        return Message(content, context)

    def finish(self, test: Fields) -> None:
        """Skips what only a file with everything has."""
        test.skip("pk", "sk", "mu", "context", "hashAlg", "reason")


class _SigGenTests(_SignatureTests):
    def __init__(self, group: Fields) -> None:
        super().__init__(group)
        self._deterministic = group.flag("deterministic")

    def question(self, test: Fields) -> Question:
        """See AcvpTests."""
        sk = test.sized_hex("sk", SIZES[self.number].sk)
        rnd = DETERMINISTIC
        if not self._deterministic:
            rnd = test.sized_hex("rnd", RND_SIZE)
        message = self.message(test)
        return message if isinstance(message, NotOffered) else mldsa.Sign(self.number, sk, message, rnd)

    def answer(self, test: Fields) -> Answer:
        """See AcvpTests."""
        self.finish(test)
        test.skip("rnd", "testPassed")
        return outputs(signature=test.sized_hex("signature", SIZES[self.number].signature))


class _SigVerTests(_SignatureTests):
    """The older sets have the public key in the group, the later ones in each test."""

    def __init__(self, group: Fields) -> None:
        super().__init__(group)
        self._group_pk = group.hex("pk") if "pk" in group else None
        group.skip("sk")

    def question(self, test: Fields) -> Question:
        """See AcvpTests. Key and signature may be wrong on purpose, in their lengths too."""
        pk = test.hex("pk") if self._group_pk is None else self._group_pk
        signature, message = test.hex("signature"), self.message(test)
        return message if isinstance(message, NotOffered) else mldsa.Verify(self.number, pk, message, signature)

    def answer(self, test: Fields) -> Answer:
        """See AcvpTests."""
        self.finish(test)
        return accepted(test.flag("testPassed"))


PRIMITIVE = Primitive(
    operations={
        mldsa.Keygen: mldsa.KeygenOperation(),
        mldsa.Sign: mldsa.SignOperation(),
        mldsa.SeedSign: mldsa.SeedSignOperation(),
        mldsa.Verify: mldsa.VerifyOperation(),
    },
    cavp=read_cavp,
    wycheproof=dict.fromkeys(_NAMES, read_wycheproof),
    acvp={
        (mldsa.ALGORITHM, mode): AcvpFormat(mldsa.ALGORITHM, "FIPS204", tests)
        for mode, tests in (("keyGen", _KeygenTests), ("sigGen", _SigGenTests), ("sigVer", _SigVerTests))
    },
)
