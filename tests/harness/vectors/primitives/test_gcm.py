# SPDX-License-Identifier: GPL-2.0-or-later
"""AES-GCM: the readers of three formats agree, damage is refused, and both routes judge."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness.vectors import VectorError, load
from harness.vectors.loader import load_prompt
from harness.vectors.primitive import AskingExecutor
from harness.vectors.primitives.gcm import (
    GcmDecrypt,
    GcmDecryptOperation,
    GcmEncrypt,
    GcmEncryptOperation,
    GcmSeal,
    GcmSealOperation,
)
from harness.vectors.questions import AskedCase, NotOffered, Outputs, Refused, outputs
from harness.vectors.routes import Bench, CaseFailed

Write = Callable[..., Path]


ENCRYPT, DECRYPT = AskingExecutor(GcmEncryptOperation()), AskingExecutor(GcmDecryptOperation())


def encrypt_case(sealed: Any) -> AskedCase:
    question = GcmEncrypt(sealed.key, sealed.nonce, sealed.aad, sealed.plaintext, len(sealed.tag))
    return AskedCase("", question, outputs(ct=sealed.ciphertext, tag=sealed.tag))


def decrypt_case(sealed: Any) -> AskedCase:
    question = GcmDecrypt(sealed.key, sealed.nonce, sealed.aad, sealed.ciphertext, sealed.tag)
    return AskedCase("", question, outputs(pt=sealed.plaintext) if sealed.valid else Refused())


def test_the_formats_give_the_same_cases(gcm_files: Any, write: Write) -> None:
    sealed, forged = gcm_files.seal(1), gcm_files.seal(2).forged()
    wanted = {encrypt_case(sealed), decrypt_case(sealed), decrypt_case(forged)}
    rsp = load(write(gcm_files.rsp(sealed, encrypt=True))).cases + load(write(gcm_files.rsp(sealed, forged))).cases
    assert [case.name for case in rsp] == ["line 9", "line 9", "line 17"]
    for cases, names in (
        (rsp, None),
        (load(write(gcm_files.wycheproof(sealed, forged))).cases, "tcId 1 encrypt, tcId 1 decrypt, tcId 2 decrypt"),
        (load(write(gcm_files.acvp(sealed, forged).complete)).cases, "tcId 1, tcId 2, tcId 3"),
    ):
        assert {replace(case, name="") for case in cases} == wanted
        assert names is None or ", ".join(case.name for case in cases) == names


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("[Taglen = 128]", "[Taglen = 96]", "line 9: Tag has 128 bits where 96 are stated"),
        ("[PTlen = 160]", "[PTlen = 0]", "line 9: CT has 160 bits where 0 are stated"),
        ("[Keylen = 256]", "[Keylen = x]", "line 3: Keylen is no whole number"),
        ("[IVlen = 96]\r\n", "", "the section lacks the parameter IVlen"),
        ("[IVlen = 96]", "[IVlen = 96]\r\n[Salt = 1]", "unknown parameter 'Salt'"),
        ("Count = 1", "Count = 2", "line 17: Count is 2, expected 1"),
        ("Count = 1", "Count = 0", "line 17: Count is 0, expected 1"),
        ("FAIL", "", "line 17: a record of Count, Key, IV, CT, AAD, Tag, expected"),
        ("FAIL", "PT = 00", "line 17: PT has 8 bits where 160 are stated"),
        ("Key = 0", "Key = g", "line 9: Key is no hexadecimal"),
    ],
)
def test_damaged_response_files(old: str, new: str, error: str, gcm_files: Any, write: Write) -> None:
    whole = gcm_files.rsp(gcm_files.seal(1), gcm_files.seal(2).forged())
    changed = whole.replace(old, new, 1)
    assert changed != whole
    with pytest.raises(VectorError, match=error):
        load(write(changed))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda g: g.update(type="MacTest"), "unknown type 'MacTest', known: AeadTest"),
        (lambda g: g.update(keySize=128), "tcId 1: key has 256 bits where 128 are stated"),
        (lambda g: g.update(ivSize=8), "tcId 1: iv has 96 bits where 8 are stated"),
        (lambda g: g.update(tagSize=8), "tcId 1: tag has 128 bits where 8 are stated"),
        (lambda g: g.update(salt=""), "unknown field 'salt'"),
        (lambda g: g["tests"][0].update(salt=""), "tcId 1: unknown field 'salt'"),
        (lambda g: g["tests"][0].update(msg="00"), "tcId 1: ct has 160 bits where 8 are stated"),
        (lambda g: g["tests"][0].pop("aad"), "tcId 1: field aad is missing"),
        (lambda g: g["tests"][0].update(aad="0"), "tcId 1: aad is no hexadecimal"),
    ],
)
def test_damaged_wycheproof_files(
    change: Callable[[dict[str, Any]], object], error: str, gcm_files: Any, write: Write
) -> None:
    document = gcm_files.wycheproof(gcm_files.seal(1))
    change(document["testGroups"][0])
    with pytest.raises(VectorError, match=error):
        load(write(document))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda d: d.update(revision="2.0"), "revision '2.0' is unknown, only 1.0"),
        (lambda d: d["testGroups"][0].update(testType="MCT"), "tgId 1: testType 'MCT' is unknown"),
        (lambda d: d["testGroups"][0].update(direction="both"), "tgId 1: direction 'both' is unknown"),
        (lambda d: d["testGroups"][0].update(saltLen=96), "tgId 1: unknown field 'saltLen'"),
        (lambda d: d["testGroups"][0].update(payloadLen=8), "tcId 1: pt has 160 bits where 8 are stated"),
        (lambda d: d["testGroups"][0]["tests"][0].update(testPassed=False), "tcId 1: an encryption that has to fail"),
        (lambda d: d["testGroups"][0]["tests"][0].update(salt=""), "tcId 1: unknown field 'salt'"),
        (lambda d: d["testGroups"][1]["tests"][0].pop("pt"), "tcId 2: field pt is missing"),
        (lambda d: d["testGroups"][1]["tests"][0].update(testPassed=1), "tcId 2: testPassed is no true or false"),
    ],
)
def test_damaged_acvp_files(
    change: Callable[[dict[str, Any]], object], error: str, gcm_files: Any, write: Write
) -> None:
    document = copy.deepcopy(gcm_files.acvp(gcm_files.seal(1)).complete)
    change(document)
    with pytest.raises(VectorError, match=error):
        load(write(document))


def test_what_the_service_does_not_offer(gcm_files: Any) -> None:
    assert DECRYPT.refusal(decrypt_case(gcm_files.seal(1))) == ""
    for sealed, reason in (
        (gcm_files.seal(1, key=24), "AES keys of other than 256 bits"),
        (gcm_files.seal(1, nonce=16), "GCM nonces of other than 96 bits"),
        (gcm_files.seal(1).truncated(15), "GCM tags of other than 128 bits"),
    ):
        assert DECRYPT.refusal(decrypt_case(sealed)) == reason
        assert ENCRYPT.refusal(encrypt_case(sealed)) == reason


@pytest.mark.parametrize(
    ("size", "aad", "fits"),
    [(65502, 0, True), (65503, 0, False), (0, 65502, True), (1, 65502, False), (0, 65536, False)],
)
def test_the_longest_requests_go_through_the_window(
    size: int, aad: int, fits: bool, gcm_files: Any, bench: Bench
) -> None:
    """65536 bytes of payload less key id, nonce, aad length and tag."""
    case = decrypt_case(gcm_files.seal(1, size=size, aad=aad))
    assert DECRYPT.fits_window(case) is fits
    if fits:
        DECRYPT.run_window(case, bench.service)
    bench.functions.begin()
    DECRYPT.run_function(case, bench.functions)


@pytest.mark.parametrize("size", [0, 1, 16, 33])
def test_both_routes_judge(size: int, gcm_files: Any, bench: Bench) -> None:
    functions = bench.functions
    sealed = gcm_files.seal(1, size=size)
    for case in (decrypt_case(sealed), decrypt_case(sealed.forged())):
        DECRYPT.run_window(case, bench.service)
        functions.begin()
        DECRYPT.run_function(case, functions)
    for case in (replace(decrypt_case(sealed), expected=Refused()), decrypt_case(replace(sealed.forged(), valid=True))):
        with pytest.raises(CaseFailed, match=r"^(accepted, though it has to fail|refused)$"):
            DECRYPT.run_window(case, bench.service)
        functions.begin()
        with pytest.raises(CaseFailed, match=r"^(accepted, though it has to fail|refused)$"):
            DECRYPT.run_function(case, functions)
    functions.begin()
    ENCRYPT.run_function(encrypt_case(sealed), functions)
    functions.begin()
    with pytest.raises(CaseFailed, match="tag: "):
        ENCRYPT.run_function(encrypt_case(sealed.forged()), functions)


def test_internal_nonces_come_from_the_service(gcm_files: Any, bench: Bench) -> None:
    sealed, operation = gcm_files.seal(1), GcmSealOperation()
    question = GcmSeal(sealed.key, 12, sealed.aad, sealed.plaintext, 16)
    assert operation.refusal(question) == ""
    assert operation.fits_window(question)
    nonces = set()
    for _ in range(2):
        answer = operation.ask_window(question, bench.service)
        assert isinstance(answer, Outputs)
        made = dict(answer.values)
        nonces.add(made["iv"])
        expected = AESGCM(sealed.key).encrypt(made["iv"], sealed.plaintext, sealed.aad)
        assert made["ct"] + made["tag"] == expected
    assert len(nonces) == 2
    for changed, reason in (
        (replace(question, key=bytes(16)), "AES keys of other than 256 bits"),
        (replace(question, nonce_size=16), "GCM nonces of other than 96 bits"),
        (replace(question, tag_size=12), "GCM tags of other than 128 bits"),
        (replace(question, plaintext=bytes(65509)), "internal nonces for messages that are too long for a request"),
        (replace(question, aad=bytes(65536)), "internal nonces for messages that are too long for a request"),
        (replace(question, plaintext=bytes(65500), aad=bytes(31)), "internal nonces for messages that are too long"),
    ):
        assert operation.refusal(changed).startswith(reason)
    longest = replace(question, plaintext=bytes(65508), aad=bytes(22))
    assert operation.refusal(longest) == ""
    operation.ask_window(longest, bench.service)


def test_internal_nonces_in_files(gcm_files: Any, write: Write) -> None:
    """Where the answer states the nonce, the encryption can be repeated; a prompt leaves it to the service."""
    files = gcm_files.acvp(gcm_files.seal(1))
    for document in (files.prompt, files.complete):
        document["testGroups"][0].update(ivGen="internal", ivGenMode="8.2.2")
    encryption, _ = load(write(files.complete)).cases
    assert isinstance(encryption, AskedCase)
    assert isinstance(encryption.question, GcmEncrypt)
    del files.prompt["testGroups"][0]["tests"][0]["iv"]
    assert isinstance(load_prompt(write(files.prompt)).tests[0].question, GcmSeal)
    files.prompt["testGroups"][0]["ivGenMode"] = "8.2.1"
    assert isinstance(load_prompt(write(files.prompt)).tests[0].question, NotOffered)
