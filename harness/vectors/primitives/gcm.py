# SPDX-License-Identifier: GPL-2.0-or-later
"""AES-GCM (NIST SP 800-38D). The service offers it with 256-bit keys, 96-bit nonces and 128-bit tags (AES-1).

Decryption goes through the window. Encryption cannot: the service draws the nonce itself (AES-2), so it is a call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.calls import Buffer
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.commands import Algorithm, Status
from harness.vectors.acvp import AcvpDocument, AcvpGroup
from harness.vectors.case import Case, Parsed
from harness.vectors.cavp import FAIL, CavpDocument, Record, Section
from harness.vectors.error import VectorError
from harness.vectors.fields import Fields, check_bits, shortened
from harness.vectors.primitive import Executor, Primitive
from harness.vectors.routes import CaseFailed, Functions, Service, expect_bytes, expect_status
from harness.vectors.wycheproof import WycheproofDocument, WycheproofGroup, expect_group

ALGORITHM = "AES-GCM"

_AAD_MAX = (1 << 16) - 1  # aad_length is a u16
_CIPHERTEXT_AND_AAD_MAX = table.MAX_PAYLOAD - table.AES_DECRYPT.minimum_payload


@dataclass(frozen=True, slots=True)
class GcmMessage:
    """The inputs that both directions have in common."""

    key: bytes
    nonce: bytes
    aad: bytes
    ciphertext: bytes
    tag: bytes


@dataclass(frozen=True, slots=True)
class GcmEncryptCase(Case):
    """Encrypting `plaintext` has to give the message's ciphertext and tag."""

    message: GcmMessage
    plaintext: bytes


@dataclass(frozen=True, slots=True)
class GcmDecryptCase(Case):
    """Decrypting the message has to give `plaintext`, or to fail where that is None."""

    message: GcmMessage
    plaintext: bytes | None


# ---- executors ----


def _refusal(message: GcmMessage) -> str:
    if len(message.key) != table.AES_KEY_SIZE:
        return "AES keys of other than 256 bits"
    if len(message.nonce) != table.GCM_NONCE_SIZE:
        return "GCM nonces of other than 96 bits"
    if len(message.tag) != table.GCM_TAG_SIZE:
        return "GCM tags of other than 128 bits"
    return ""


class GcmEncryptExecutor(Executor[GcmEncryptCase]):
    """gcm_encrypt."""

    def refusal(self, case: GcmEncryptCase) -> str:
        """See Executor."""
        return _refusal(case.message)

    def run_function(self, case: GcmEncryptCase, functions: Functions) -> None:
        """See Executor."""
        ciphertext, tag = functions.space(len(case.plaintext)), functions.space(table.GCM_TAG_SIZE)
        functions.call("gcm_encrypt", _input(functions, case.message, case.plaintext), ciphertext, tag)
        expect_bytes("ciphertext", case.message.ciphertext, functions.take(ciphertext))
        expect_bytes("tag", case.message.tag, functions.take(tag))


class GcmDecryptExecutor(Executor[GcmDecryptCase]):
    """AES_DECRYPT, or gcm_decrypt for what is too long for a request."""

    def refusal(self, case: GcmDecryptCase) -> str:
        """See Executor."""
        return _refusal(case.message)

    def fits_window(self, case: GcmDecryptCase) -> bool:
        """See Executor."""
        aad = len(case.message.aad)
        return aad <= _AAD_MAX and aad + len(case.message.ciphertext) <= _CIPHERTEXT_AND_AAD_MAX

    def run_window(self, case: GcmDecryptCase, service: Service) -> None:
        """See Executor."""
        message = case.message
        key_id = service.use_key(Algorithm.AES, 8 * table.AES_KEY_SIZE, message.key)
        response = service.exchange(
            codec.aes_decrypt(key_id, message.nonce, message.aad, message.ciphertext, message.tag)
        )
        if case.plaintext is None:
            expect_status(Status.DECRYPTION_FAILED, response)
        else:
            expect_status(Status.SUCCESS, response)
            expect_bytes("plaintext", case.plaintext, response.payload)

    def run_function(self, case: GcmDecryptCase, functions: Functions) -> None:
        """See Executor."""
        message = case.message
        plaintext, tag = functions.space(len(message.ciphertext)), functions.lend(message.tag)
        accepted = functions.call("gcm_decrypt", _input(functions, message, message.ciphertext), tag, plaintext)
        if case.plaintext is None:
            functions.expect_untouched("plaintext", plaintext)
        if bool(accepted) != (case.plaintext is not None):
            raise CaseFailed(f"the tag was {'accepted' if accepted else 'refused'}")
        if case.plaintext is not None:
            expect_bytes("plaintext", case.plaintext, functions.take(plaintext))


def _input(functions: Functions, message: GcmMessage, text: bytes) -> Buffer:
    """struct gcm_input of firmware/crypto/gcm.h."""
    return functions.struct(
        functions.lend(message.key),
        functions.lend(message.nonce),
        functions.lend(message.aad),
        len(message.aad),
        functions.lend(text),
        len(text),
    )


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
    message = GcmMessage(*(record.hex(name) for name in ("Key", "IV", "AAD", "CT", "Tag")))
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
        return GcmEncryptCase(name, message, plaintext)
    return GcmDecryptCase(name, message, plaintext)


# ---- Wycheproof: aes_gcm_test.json ----


def read_wycheproof(document: WycheproofDocument) -> Parsed:
    """Each valid test is a case in either direction, an invalid one has to fail to decrypt."""
    return Parsed(ALGORITHM, tuple(case for group in document.groups for case in _wycheproof_cases(group)))


def _wycheproof_cases(group: WycheproofGroup) -> Iterator[Case]:
    expect_group(group, "AeadTest")
    key_bits, nonce_bits, tag_bits = (group.fields.integer(name) for name in ("keySize", "ivSize", "tagSize"))
    group.fields.done()
    for test in group.tests:
        message = GcmMessage(*(test.fields.hex(name) for name in ("key", "iv", "aad", "ct", "tag")))
        plaintext = test.fields.hex("msg")
        test.fields.done()
        check_bits(f"{test.name}: key", message.key, key_bits)
        check_bits(f"{test.name}: iv", message.nonce, nonce_bits)
        if test.valid:
            check_bits(f"{test.name}: tag", message.tag, tag_bits)
            check_bits(f"{test.name}: ct", message.ciphertext, 8 * len(plaintext))
            yield GcmEncryptCase(f"{test.name} encrypt", message, plaintext)
        yield GcmDecryptCase(f"{test.name} decrypt", message, plaintext if test.valid else None)


# ---- ACVP: ACVP-AES-GCM ----

_ACVP_REVISION = "1.0"


def read_acvp(document: AcvpDocument) -> Parsed:
    """The cases of a vector set (ACVP symmetric block ciphers, revision 1.0)."""
    if document.identity.revision != _ACVP_REVISION:
        revision = shortened(document.identity.revision)
        raise VectorError(f"revision {revision} is unknown, only {_ACVP_REVISION} can be read")
    return Parsed(ALGORITHM, tuple(case for group in document.groups() for case in _acvp_cases(group)))


def _acvp_cases(group: AcvpGroup) -> Iterator[Case]:
    fields = group.fields
    fields.text("testType", ("AFT",))
    encrypts = fields.text("direction", ("encrypt", "decrypt")) == "encrypt"
    names = {"key": "keyLen", "iv": "ivLen", "aad": "aadLen", "ct": "payloadLen", "tag": "tagLen"}
    bits = {name: fields.integer(stated) for name, stated in names.items()}
    fields.skip("ivGen", "ivGenMode")
    fields.done()
    for test in group.tests:
        message = GcmMessage(*(_stated(test, name, bits[name]) for name in names))
        passes = test.flag("testPassed") if "testPassed" in test else True
        if encrypts and not passes:
            raise VectorError(f"{test.where}: an encryption that has to fail is unknown")
        if passes:
            plaintext = _stated(test, "pt", bits["ct"])
        else:
            test.skip("pt")
        test.done()
        if encrypts:
            yield GcmEncryptCase(test.where, message, plaintext)
        else:
            yield GcmDecryptCase(test.where, message, plaintext if passes else None)


def _stated(test: Fields, name: str, bits: int) -> bytes:
    value = test.hex(name)
    check_bits(f"{test.where}: {name}", value, bits)
    return value


PRIMITIVE = Primitive(
    executors={GcmEncryptCase: GcmEncryptExecutor(), GcmDecryptCase: GcmDecryptExecutor()},
    cavp=read_cavp,
    wycheproof={"AES-GCM": read_wycheproof},
    acvp={("ACVP-AES-GCM", ""): read_acvp},
)
