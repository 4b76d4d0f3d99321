# SPDX-License-Identifier: GPL-2.0-or-later
"""Vector files made on the spot, their answers by pyca/cryptography, and a bench to run them on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

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
