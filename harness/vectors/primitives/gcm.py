# SPDX-License-Identifier: GPL-2.0-or-later
"""AES-GCM (NIST SP 800-38D). The service offers it with 256-bit keys, 96-bit nonces and 128-bit tags (AES-1).

Decryption goes through the window, and so does encryption where a nonce may be chosen that ACVP calls internal. With a
given nonce encryption is a call: the service draws the nonce itself (AES-2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from emulator.calls import Buffer
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.commands import Algorithm, Status
from harness.vectors.acvp_format import AcvpFormat, AcvpTests
from harness.vectors.case import Case, Parsed
from harness.vectors.cavp import FAIL, CavpDocument, Record, Section
from harness.vectors.error import VectorError
from harness.vectors.fields import Fields, check_bits
from harness.vectors.primitive import Primitive
from harness.vectors.questions import (
    Answer,
    AskedCase,
    NotOffered,
    Operation,
    Outputs,
    Question,
    Refused,
    outputs,
    succeeded,
)
from harness.vectors.routes import Functions, Service, expect_status
from harness.vectors.wycheproof import WycheproofDocument, WycheproofGroup, expect_group

ALGORITHM = "AES-GCM"

_AAD_MAX = (1 << 16) - 1  # aad_length is a u16
_CIPHERTEXT_AND_AAD_MAX = table.MAX_PAYLOAD - table.AES_DECRYPT.minimum_payload


@dataclass(frozen=True, slots=True)
class GcmEncrypt(Question):
    """Ciphertext and tag of `tag_size` bytes, as ct and tag."""

    key: bytes
    nonce: bytes
    aad: bytes
    plaintext: bytes
    tag_size: int


@dataclass(frozen=True, slots=True)
class GcmDecrypt(Question):
    """The plaintext, as pt, unless the tag is wrong."""

    REFUSABLE: ClassVar[bool] = True

    key: bytes
    nonce: bytes
    aad: bytes
    ciphertext: bytes
    tag: bytes


@dataclass(frozen=True, slots=True)
class GcmSeal(Question):
    """A nonce of `nonce_size` bytes from the service's generator, ciphertext and tag, as iv, ct and tag."""

    key: bytes
    nonce_size: int
    aad: bytes
    plaintext: bytes
    tag_size: int


# ---- operations ----


def _refusal(key: bytes, nonce_size: int, tag_size: int) -> str:
    if len(key) != table.AES_KEY_SIZE:
        return "AES keys of other than 256 bits"
    if nonce_size != table.GCM_NONCE_SIZE:
        return "GCM nonces of other than 96 bits"
    if tag_size != table.GCM_TAG_SIZE:
        return "GCM tags of other than 128 bits"
    return ""


class GcmEncryptOperation(Operation[GcmEncrypt]):
    """gcm_encrypt."""

    def refusal(self, question: GcmEncrypt) -> str:
        """See Operation."""
        return _refusal(question.key, len(question.nonce), question.tag_size)

    def ask_function(self, question: GcmEncrypt, functions: Functions) -> Answer:
        """See Operation."""
        ciphertext, tag = functions.space(len(question.plaintext)), functions.space(table.GCM_TAG_SIZE)
        functions.call("gcm_encrypt", _input(functions, question, question.plaintext), ciphertext, tag)
        return outputs(ct=functions.take(ciphertext), tag=functions.take(tag))


class GcmDecryptOperation(Operation[GcmDecrypt]):
    """AES_DECRYPT, or gcm_decrypt for what is too long for a request."""

    def refusal(self, question: GcmDecrypt) -> str:
        """See Operation."""
        return _refusal(question.key, len(question.nonce), len(question.tag))

    def fits_window(self, question: GcmDecrypt) -> bool:
        """See Operation."""
        aad = len(question.aad)
        return aad <= _AAD_MAX and aad + len(question.ciphertext) <= _CIPHERTEXT_AND_AAD_MAX

    def ask_window(self, question: GcmDecrypt, service: Service) -> Answer:
        """See Operation."""
        key_id = service.use_key(Algorithm.AES, 8 * table.AES_KEY_SIZE, question.key)
        response = service.exchange(
            codec.aes_decrypt(key_id, question.nonce, question.aad, question.ciphertext, question.tag)
        )
        return outputs(pt=response.payload) if succeeded(response, Status.DECRYPTION_FAILED) else Refused()

    def ask_function(self, question: GcmDecrypt, functions: Functions) -> Answer:
        """See Operation."""
        plaintext, tag = functions.space(len(question.ciphertext)), functions.lend(question.tag)
        if functions.call("gcm_decrypt", _input(functions, question, question.ciphertext), tag, plaintext):
            return outputs(pt=functions.take(plaintext))
        functions.expect_untouched("plaintext", plaintext)
        return Refused()


class GcmSealOperation(Operation[GcmSeal]):
    """AES_ENCRYPT."""

    def refusal(self, question: GcmSeal) -> str:
        """See Operation."""
        longest = table.MAX_PAYLOAD - table.GCM_NONCE_SIZE - table.GCM_TAG_SIZE
        sent = table.AES_ENCRYPT.minimum_payload + len(question.aad) + len(question.plaintext)
        if len(question.aad) > _AAD_MAX or sent > table.MAX_PAYLOAD or len(question.plaintext) > longest:
            return "internal nonces for messages that are too long for a request"
        return _refusal(question.key, question.nonce_size, question.tag_size)

    def fits_window(self, question: GcmSeal) -> bool:
        """See Operation."""
        return True

    def ask_window(self, question: GcmSeal, service: Service) -> Answer:
        """See Operation."""
        key_id = service.use_key(Algorithm.AES, 8 * table.AES_KEY_SIZE, question.key)
        response = service.exchange(codec.aes_encrypt(key_id, question.aad, question.plaintext))
        expect_status(Status.SUCCESS, response)
        nonce, tag = table.GCM_NONCE_SIZE, table.GCM_TAG_SIZE
        return outputs(iv=response.payload[:nonce], ct=response.payload[nonce:-tag], tag=response.payload[-tag:])

    def ask_function(self, question: GcmSeal, functions: Functions) -> Answer:
        """See Operation."""
        raise NotImplementedError("only the service draws nonces")


def _input(functions: Functions, question: GcmEncrypt | GcmDecrypt, text: bytes) -> Buffer:
    """struct gcm_input of firmware/crypto/gcm.h."""
    return functions.struct(
        functions.lend(question.key),
        functions.lend(question.nonce),
        functions.lend(question.aad),
        len(question.aad),
        functions.lend(text),
        len(text),
    )


@dataclass(frozen=True, slots=True)
class _Message:
    """What both directions have in common."""

    key: bytes
    nonce: bytes
    aad: bytes
    ciphertext: bytes
    tag: bytes

    def encryption(self, name: str, plaintext: bytes) -> Case:
        """Encrypting `plaintext` has to give ciphertext and tag."""
        question = GcmEncrypt(self.key, self.nonce, self.aad, plaintext, len(self.tag))
        return AskedCase(name, question, outputs(ct=self.ciphertext, tag=self.tag))

    def decryption(self, name: str, plaintext: bytes | None) -> Case:
        """Decrypting has to give `plaintext`, or to fail where that is None."""
        question = GcmDecrypt(self.key, self.nonce, self.aad, self.ciphertext, self.tag)
        return AskedCase(name, question, Refused() if plaintext is None else outputs(pt=plaintext))


# ---- CAVP: gcmEncryptExtIV*.rsp, gcmDecrypt*.rsp ----

_CAVP_PARAMETERS = frozenset({"Keylen", "IVlen", "PTlen", "AADlen", "Taglen"})
_CAVP_ENCRYPT = ("Count", "Key", "IV", "PT", "AAD", "CT", "Tag")
_CAVP_DECRYPT = ("Count", "Key", "IV", "CT", "AAD", "Tag", "PT")
_CAVP_REFUSED = ("Count", "Key", "IV", "CT", "AAD", "Tag", FAIL)


def read_cavp(document: CavpDocument) -> Parsed | None:
    """The cases of a GCM response file; its direction shows in the order of the records' fields."""
    if "Keylen" not in document.parameters or "Taglen" not in document.parameters:
        return None
    return Parsed(ALGORITHM, tuple(case for section in document.sections for case in _cavp_cases(section)))


def _cavp_cases(section: Section) -> Iterator[Case]:
    section.expect(_CAVP_PARAMETERS)
    for record in section.records:
        record.expect(_CAVP_ENCRYPT, _CAVP_DECRYPT, _CAVP_REFUSED)
        yield _cavp_case(section, record)
    section.expect_counts("Count", section.records)


def _cavp_case(section: Section, record: Record) -> Case:
    message = _Message(*(record.hex(name) for name in ("Key", "IV", "AAD", "CT", "Tag")))
    plaintext = record.hex("PT") if "PT" in record.names else None
    stated = (
        ("Key", message.key, "Keylen"),
        ("IV", message.nonce, "IVlen"),
        ("AAD", message.aad, "AADlen"),
        ("CT", message.ciphertext, "PTlen"),
        ("Tag", message.tag, "Taglen"),
        ("PT", message.ciphertext if plaintext is None else plaintext, "PTlen"),
    )
    for name, value, parameter in stated:
        check_bits(f"line {record.line}: {name}", value, section.integer(parameter))
    name = f"line {record.line}"
    if record.names == _CAVP_ENCRYPT and plaintext is not None:
        return message.encryption(name, plaintext)
    return message.decryption(name, plaintext)


# ---- Wycheproof: aes_gcm_test.json ----


def read_wycheproof(document: WycheproofDocument) -> Parsed:
    """Each valid test is a case in either direction, an invalid one has to fail to decrypt."""
    return Parsed(ALGORITHM, tuple(case for group in document.groups for case in _wycheproof_cases(group)))


def _wycheproof_cases(group: WycheproofGroup) -> Iterator[Case]:
    expect_group(group, "AeadTest")
    key_bits, nonce_bits, tag_bits = (group.fields.integer(name) for name in ("keySize", "ivSize", "tagSize"))
    group.fields.done()
    for test in group.tests:
        message = _Message(*(test.fields.hex(name) for name in ("key", "iv", "aad", "ct", "tag")))
        plaintext = test.fields.hex("msg")
        test.fields.done()
        check_bits(f"{test.name}: key", message.key, key_bits)
        check_bits(f"{test.name}: iv", message.nonce, nonce_bits)
        if test.valid:
            check_bits(f"{test.name}: tag", message.tag, tag_bits)
            check_bits(f"{test.name}: ct", message.ciphertext, 8 * len(plaintext))
            yield message.encryption(f"{test.name} encrypt", plaintext)
        yield message.decryption(f"{test.name} decrypt", plaintext if test.valid else None)


# ---- ACVP: ACVP-AES-GCM ----

_RANDOM_NONCES = "8.2.2"  # of SP 800-38D; 8.2.1 is the deterministic construction


class _Tests(AcvpTests):
    """ACVP symmetric block ciphers, revision 1.0."""

    def __init__(self, group: Fields) -> None:
        group.text("testType", ("AFT",))
        self._encrypts = group.text("direction", ("encrypt", "decrypt")) == "encrypt"
        names = {
            "key": "keyLen",
            "iv": "ivLen",
            "aad": "aadLen",
            "pt": "payloadLen",
            "ct": "payloadLen",
            "tag": "tagLen",
        }
        sizes = {stated: group.integer(stated) for stated in dict.fromkeys(names.values())}
        self._bits = {name: sizes[stated] for name, stated in names.items()}
        internal = group.text("ivGen", ("external", "internal")) == "internal" if "ivGen" in group else False
        mode = group.text("ivGenMode") if "ivGenMode" in group else _RANDOM_NONCES
        self._draws = internal and mode == _RANDOM_NONCES

    def question(self, test: Fields) -> Question:
        """See AcvpTests. Where nonces are internal, a prompt has none."""
        key, aad = self._stated(test, "key"), self._stated(test, "aad")
        nonce = self._stated(test, "iv") if "iv" in test or not self._encrypts else None
        tag_size = self._bits["tag"] // 8
        if not self._encrypts:
            return GcmDecrypt(key, nonce or b"", aad, self._stated(test, "ct"), self._stated(test, "tag"))
        plaintext = self._stated(test, "pt")
        if nonce is not None:
            return GcmEncrypt(key, nonce, aad, plaintext, tag_size)
        if self._draws:
            return GcmSeal(key, self._bits["iv"] // 8, aad, plaintext, tag_size)
        return NotOffered("internal nonces of the deterministic construction")

    def answer(self, test: Fields) -> Answer:
        """See AcvpTests."""
        passes = test.flag("testPassed") if "testPassed" in test else True
        if self._encrypts and not passes:
            raise VectorError(f"{test.where}: an encryption that has to fail is unknown")
        if not passes:
            test.skip("pt")
            return Refused()
        return Outputs(
            tuple((name, self._stated(test, name)) for name in (("ct", "tag") if self._encrypts else ("pt",)))
        )

    def _stated(self, test: Fields, name: str) -> bytes:
        value = test.hex(name)
        check_bits(f"{test.where}: {name}", value, self._bits[name])
        return value


PRIMITIVE = Primitive(
    operations={
        GcmEncrypt: GcmEncryptOperation(),
        GcmDecrypt: GcmDecryptOperation(),
        GcmSeal: GcmSealOperation(),
    },
    cavp=read_cavp,
    wycheproof={"AES-GCM": read_wycheproof},
    acvp={("ACVP-AES-GCM", ""): AcvpFormat(ALGORITHM, "1.0", _Tests)},
)
