# SPDX-License-Identifier: GPL-2.0-or-later
"""Vector files made on the spot, their answers by other implementations, and a bench to run them on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dilithium_py.ml_dsa.default_parameters import DEFAULT_PARAMETERS as DSAS
from dilithium_py.ml_dsa.ml_dsa import ML_DSA
from kyber_py.ml_kem.default_parameters import DEFAULT_PARAMETERS as KEMS
from kyber_py.ml_kem.ml_kem import ML_KEM

from harness.vectors.routes import Bench


@dataclass(frozen=True)
class Sealed:
    """One sealed message, as hexadecimal digits in whatever names a format uses."""

    key: bytes
    nonce: bytes
    aad: bytes
    plaintext: bytes
    ciphertext: bytes
    tag: bytes
    valid: bool = True

    def forged(self) -> Sealed:
        """The same with one bit of the tag flipped."""
        return replace(self, tag=bytes([self.tag[0] ^ 1]) + self.tag[1:], valid=False)

    def truncated(self, size: int) -> Sealed:
        """The same with a shorter tag."""
        return replace(self, tag=self.tag[:size])


def _seal(number: int, size: int = 20, aad: int = 5, key: int = 32, nonce: int = 12) -> Sealed:
    def content(length: int, start: int) -> bytes:
        return bytes((start + 7 * i + number) & 0xFF for i in range(length))

    material, iv, extra, text = content(key, 1), content(nonce, 2), content(aad, 3), content(size, 4)
    sealed = AESGCM(material).encrypt(iv, text, extra)
    return Sealed(material, iv, extra, text, sealed[:-16], sealed[-16:])


def _rsp(*messages: Sealed, encrypt: bool = False) -> str:
    """A GCM response file; the messages have to agree in their lengths."""
    first = messages[0]
    lines = ["# made for a test", ""]
    for name, value in (
        ("Keylen", first.key),
        ("IVlen", first.nonce),
        ("PTlen", first.plaintext),
        ("AADlen", first.aad),
        ("Taglen", first.tag),
    ):
        lines.append(f"[{name} = {8 * len(value)}]")
    for count, message in enumerate(messages):
        given = {"Count": str(count), "Key": message.key.hex(), "IV": message.nonce.hex()}
        text, sealed = {"PT": message.plaintext.hex()}, {"CT": message.ciphertext.hex()}
        aad, tag = {"AAD": message.aad.hex()}, {"Tag": message.tag.hex()}
        order = {**given, **text, **aad, **sealed, **tag} if encrypt else {**given, **sealed, **aad, **tag}
        lines += ["", *(f"{name} = {value}" for name, value in order.items())]
        if not encrypt:
            lines.append(f"PT = {message.plaintext.hex()}" if message.valid else "FAIL")
    return "\r\n".join(lines) + "\r\n"


def _wycheproof(*messages: Sealed) -> dict[str, Any]:
    """An AES-GCM file in which every message is a group of its own."""
    groups = []
    for number, message in enumerate(messages, start=1):
        test = {
            "tcId": number,
            "comment": "",
            "flags": ["Ktv"],
            "key": message.key.hex(),
            "iv": message.nonce.hex(),
            "aad": message.aad.hex(),
            "msg": message.plaintext.hex(),
            "ct": message.ciphertext.hex(),
            "tag": message.tag.hex(),
            "result": "valid" if message.valid else "invalid",
        }
        sizes = {
            "ivSize": 8 * len(message.nonce),
            "keySize": 8 * len(message.key),
            "tagSize": 8 * len(message.tag),
        }
        groups.append({"type": "AeadTest", "source": {"name": "test"}, **sizes, "tests": [test]})
    return {
        "algorithm": "AES-GCM",
        "schema": "aead_test_schema_v1.json",
        "numberOfTests": len(messages),
        "header": [],
        "notes": {},
        "testGroups": groups,
    }


@dataclass(frozen=True)
class VectorSet:
    """An ACVP vector set in all its files."""

    prompt: dict[str, Any]
    results: dict[str, Any]
    complete: dict[str, Any]


def _acvp(*messages: Sealed, vector_set: int = 7) -> VectorSet:
    """An AES-GCM set: a group for each direction of each message; a forged one only decrypts."""
    made: tuple[list[Any], list[Any], list[Any]] = [], [], []
    number = 0
    for message in messages:
        for direction in ("encrypt", "decrypt") if message.valid else ("decrypt",):
            number += 1
            _acvp_group(made, number, direction, message)
    top = {"vsId": vector_set, "algorithm": "ACVP-AES-GCM", "revision": "1.0", "isSample": False}
    return VectorSet(*({**top, "testGroups": groups} for groups in made))


def _acvp_group(made: tuple[list[Any], list[Any], list[Any]], number: int, direction: str, message: Sealed) -> None:
    group = {
        "tgId": number,
        "testType": "AFT",
        "direction": direction,
        "keyLen": 8 * len(message.key),
        "ivLen": 8 * len(message.nonce),
        "ivGen": "external",
        "ivGenMode": "8.2.1",
        "payloadLen": 8 * len(message.plaintext),
        "aadLen": 8 * len(message.aad),
        "tagLen": 8 * len(message.tag),
    }
    given = {"key": message.key.hex().upper(), "iv": message.nonce.hex().upper(), "aad": message.aad.hex().upper()}
    text, sealed = {"pt": message.plaintext.hex()}, {"ct": message.ciphertext.hex(), "tag": message.tag.hex()}
    question = {**given, **(text if direction == "encrypt" else sealed)}
    answer: dict[str, Any] = sealed if direction == "encrypt" else text
    if not message.valid:
        answer = {"testPassed": False}
    remarks = {"testPassed": message.valid, "deferred": False}
    prompt, results, complete = made
    prompt.append({**group, "tests": [{"tcId": number, **question}]})
    results.append({"tgId": number, "tests": [{"tcId": number, **answer}]})
    whole = {"tcId": number, **question, **text, **sealed, **remarks}
    complete.append({**group, "internalTestType": "AFT", "algoMode": "ACVP-AES-GCM-1.0", "tests": [whole]})


@dataclass(frozen=True)
class GcmFiles:
    """Makers of AES-GCM messages and of files with them."""

    seal: Callable[..., Sealed] = _seal
    rsp: Callable[..., str] = _rsp
    wycheproof: Callable[..., dict[str, Any]] = _wycheproof
    acvp: Callable[..., VectorSet] = _acvp


@pytest.fixture(scope="session")
def gcm_files() -> GcmFiles:
    """Makers of AES-GCM files."""
    return GcmFiles()


@dataclass(frozen=True)
class Group:
    """A group of a vector set: its own fields, and of each test what is asked, answered and only known besides."""

    fields: dict[str, Any]
    tests: tuple[tuple[dict[str, Any], dict[str, Any], dict[str, Any]], ...]


def _vector_set(algorithm: str, mode: str, revision: str, *groups: Group, vector_set: int = 42) -> VectorSet:
    """All files of a set; bytes become hexadecimal digits."""
    top = {"vsId": vector_set, "algorithm": algorithm, "mode": mode, "revision": revision, "isSample": True}
    prompt: list[Any] = []
    results: list[Any] = []
    complete: list[Any] = []
    number = 0
    for group_id, group in enumerate(groups, start=1):
        files: tuple[list[Any], list[Any], list[Any]] = [], [], []
        for question, answer, besides in group.tests:
            number += 1
            for tests, content in zip(
                files, (question, answer, {"deferred": False, **question, **answer, **besides}), strict=True
            ):
                tests.append({"tcId": number, **_as_hex(content)})
        prompt.append({"tgId": group_id, **_as_hex(group.fields), "tests": files[0]})
        results.append({"tgId": group_id, "tests": files[1]})
        complete.append({"tgId": group_id, **_as_hex(group.fields), "tests": files[2]})
    return VectorSet(*({**top, "testGroups": made} for made in (prompt, results, complete)))


def _as_hex(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.hex().upper() if isinstance(value, bytes) else value for name, value in values.items()}


def _kem_keygen(*numbers: int) -> VectorSet:
    groups = []
    for number in numbers:
        d, z = bytes([number & 0xFF]) * 32, bytes(32)
        ek, dk = ML_KEM(KEMS[f"ML{number}"])._keygen_internal(d, z)
        fields = {"testType": "AFT", "parameterSet": f"ML-KEM-{number}"}
        groups.append(Group(fields, (({"z": z, "d": d}, {"ek": ek, "dk": dk}, {}),)))
    return _vector_set("ML-KEM", "keyGen", "FIPS203", *groups)


def _kem_encap_decap(number: int = 512) -> VectorSet:
    """Every function; ciphertexts and keys sound and damaged."""
    peer = ML_KEM(KEMS[f"ML{number}"])
    ek, dk = peer._keygen_internal(bytes(range(32)), bytes(range(32, 64)))
    m = bytes(range(64, 96))
    k, c = peer._encaps_internal(ek, m)
    bad_c, bad_ek, bad_dk = c[:-1] + bytes([c[-1] ^ 1]), b"\xff" * 3 + ek[3:], dk[:-40] + bytes(8) + dk[-32:]

    def group(kind: str, function: str, *tests: tuple[dict[str, Any], dict[str, Any], dict[str, Any]]) -> Group:
        return Group({"testType": kind, "parameterSet": f"ML-KEM-{number}", "function": function}, tests)

    passed, failed = {"testPassed": True}, {"testPassed": False}
    return _vector_set(
        "ML-KEM",
        "encapDecap",
        "FIPS203",
        group("AFT", "encapsulation", ({"ek": ek, "m": m}, {"c": c, "k": k}, {"dk": dk})),
        group(
            "VAL",
            "decapsulation",
            ({"dk": dk, "c": c}, {"k": k}, {"ek": ek, "reason": "no modification"}),
            ({"dk": dk, "c": bad_c}, {"k": peer._decaps_internal(dk, bad_c)}, {"reason": "modify ciphertext"}),
        ),
        group("VAL", "encapsulationKeyCheck", ({"ek": ek}, passed, {}), ({"ek": bad_ek}, failed, {"reason": "x"})),
        group("VAL", "decapsulationKeyCheck", ({"dk": dk}, passed, {}), ({"dk": bad_dk}, failed, {"reason": "x"})),
    )


def _dsa_keygen(*numbers: int) -> VectorSet:
    groups = []
    for number in numbers:
        seed = bytes([number]) * 32
        pk, sk = ML_DSA(DSAS[f"ML_DSA_{number}"])._keygen_internal(seed)
        fields = {"testType": "AFT", "parameterSet": f"ML-DSA-{number}"}
        groups.append(Group(fields, (({"seed": seed}, {"pk": pk, "sk": sk}, {}),)))
    return _vector_set("ML-DSA", "keyGen", "FIPS204", *groups)


# Group fields of sigGen and sigVer by interface, as prompts have them.
_INTERFACES: dict[str, dict[str, Any]] = {
    "pure": {"signatureInterface": "external", "preHash": "pure"},
    "preHash": {"signatureInterface": "external", "preHash": "preHash"},
    "internal": {"signatureInterface": "internal", "externalMu": False},
    "externalMu": {"signatureInterface": "internal", "externalMu": True},
}


def _dsa_question(interface: str) -> tuple[dict[str, Any], bytes]:
    """Fields of a test that say what is signed, and M', or mu, itself."""
    message, context = b"message " + interface.encode(), b"context"
    if interface == "pure":
        return {"message": message, "context": context}, b"\0" + bytes([len(context)]) + context + message
    if interface == "preHash":
        return {"message": message, "context": context, "hashAlg": "SHA2-256"}, b""
    if interface == "internal":
        return {"message": message}, message
    return {"mu": bytes(64)}, bytes(64)


def _dsa_sig_gen(*interfaces: str, number: int = 44) -> VectorSet:
    """A group for each interface, deterministic and hedged."""
    peer = ML_DSA(DSAS[f"ML_DSA_{number}"])
    pk, sk = peer._keygen_internal(bytes(32))
    groups = []
    for interface in interfaces:
        for deterministic in (True, False):
            stated, signed = _dsa_question(interface)
            rnd = bytes(32) if deterministic else bytes(range(32))
            signature = peer._sign_internal(sk, signed, rnd, external_mu=interface == "externalMu")
            question = {"sk": sk, **stated, **({} if deterministic else {"rnd": rnd})}
            fields = {"testType": "AFT", "parameterSet": f"ML-DSA-{number}", "deterministic": deterministic}
            groups.append(
                Group(
                    {**fields, **_INTERFACES[interface]},
                    ((question, {"signature": signature}, {"pk": pk, "hashAlg": stated.get("hashAlg", "none")}),),
                )
            )
    return _vector_set("ML-DSA", "sigGen", "FIPS204", *groups)


def _dsa_sig_ver(*interfaces: str, number: int = 44) -> VectorSet:
    """For each interface a sound signature, a damaged one and one that is too short."""
    peer = ML_DSA(DSAS[f"ML_DSA_{number}"])
    pk, sk = peer._keygen_internal(bytes(32))
    groups = []
    for interface in interfaces:
        stated, signed = _dsa_question(interface)
        signature = peer._sign_internal(sk, signed, bytes(32), external_mu=interface == "externalMu")
        changed = bytes([signature[0] ^ 1]) + signature[1:]
        tests = tuple(
            ({"pk": pk, **stated, "signature": made}, {"testPassed": made is signature}, {"sk": sk, "reason": "x"})
            for made in (signature, changed, signature[:-1])
        )
        fields = {"testType": "AFT", "parameterSet": f"ML-DSA-{number}", **_INTERFACES[interface]}
        groups.append(Group(fields, tests))
    return _vector_set("ML-DSA", "sigVer", "FIPS204", *groups)


@dataclass(frozen=True)
class AcvpSets:
    """Makers of ACVP's vector sets; the answers are by kyber-py and dilithium-py."""

    kem_keygen: Callable[..., VectorSet] = _kem_keygen
    kem_encap_decap: Callable[..., VectorSet] = _kem_encap_decap
    dsa_keygen: Callable[..., VectorSet] = _dsa_keygen
    dsa_sig_gen: Callable[..., VectorSet] = _dsa_sig_gen
    dsa_sig_ver: Callable[..., VectorSet] = _dsa_sig_ver


@pytest.fixture(scope="session")
def acvp_sets() -> AcvpSets:
    """Makers of the vector sets of ML-KEM and ML-DSA."""
    return AcvpSets()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(content, name="vectors") -> path; text, bytes, or a value that becomes JSON."""

    def make(content: str | bytes | Mapping[str, Any] | list[Any], name: str = "vectors") -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_bytes((content if isinstance(content, str) else json.dumps(content)).encode())
        return path

    return make


@pytest.fixture(scope="session")
def bench(firmware: Path) -> Iterator[Bench]:
    """Both routes on the release image."""
    with Bench(firmware) as made:
        yield made
