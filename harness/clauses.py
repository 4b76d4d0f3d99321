# SPDX-License-Identifier: GPL-2.0-or-later
"""The clauses of the contract that a conformance run judges, in the order of docs/protocol.md."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause: its chapter, what it demands in a few words, and whether the firmware and the suite cover it yet."""

    id: str
    chapter: str
    demand: str
    built: bool = True


def _chapter(name: str, clauses: dict[str, str], built: bool = True) -> tuple[Clause, ...]:
    return tuple(Clause(number, name, demand, built) for number, demand in clauses.items())


# What the service's public documentation states; of each, some test has to carry the id.
PUBLIC = frozenset(
    (
        *("IPC-1", "IPC-5", "IPC-6", "HDR-1", "HDR-2", "AES-2", "NON-1", "NON-4"),
        *("RATE-1", "KEY-2", "BLD-1", "SEC-1", "ISO-1", "CLI-1", "CLI-2"),
    )
)

CLAUSES: tuple[Clause, ...] = (
    *_chapter(
        "IPC window",
        {
            "IPC-1": "shared memory, signal, one request at a time",
            "IPC-2": "control page, request area and response area on page boundaries",
            "IPC-3": "each new doorbell value is answered exactly once, response first",
            "IPC-4": "single fetch of every request byte",
            "IPC-5": "nothing of an earlier response stays in the window",
            "IPC-6": "no fault, no hang, answered within the instruction bound",
        },
    ),
    *_chapter(
        "Headers",
        {"HDR-1": "request header", "HDR-2": "response header", "HDR-3": "an error carries no payload"},
    ),
    *_chapter("Order of checks", {"VAL-1": "the first failing check decides"}),
    *_chapter(
        "AES-256-GCM",
        {
            "AES-1": "SP 800-38D, 96-bit nonce, 128-bit tag, empty inputs legal",
            "AES-2": "nonce from the generator, 2^32 encryptions per key",
            "AES-3": "a wrong tag releases no plaintext",
        },
    ),
    *_chapter(
        "ML-DSA",
        {"DSA-1": "FIPS 204, hedged, context", "DSA-2": "verification with a public key alone"},
    ),
    *_chapter(
        "ML-KEM",
        {
            "KEM-1": "FIPS 203, key generation in a slot",
            "KEM-2": "encapsulation key check",
            "KEM-3": "implicit rejection",
        },
    ),
    *_chapter(
        "Random numbers",
        {
            "RNG-1": "CTR_DRBG AES-256 from the entropy page, which is wiped",
            "RNG-2": "draws in a fixed order, after every check",
            "RNG-3": "no entropy: error state",
        },
    ),
    *_chapter(
        "Nonce tracker",
        {
            "NON-1": "a repeated nonce is refused until rotation",
            "NON-2": "a nonce is recorded only after its tag has verified",
            "NON-3": "exact Bloom filter, no false negative",
            "NON-4": "a full window refuses every decryption",
        },
    ),
    *_chapter("Rate limiter", {"RATE-1": "1000 a second, burst 100, cooldown", "RATE-2": "token bucket, exact"}),
    *_chapter(
        "Key storage",
        {
            "KEY-1": "image of slots with digests",
            "KEY-2": "corruption is confined to its slot, or to the image",
            "KEY-3": "a changed generation rotates the key",
        },
    ),
    *_chapter(
        "Self-tests and builds",
        {
            "FIPS-1": "known-answer tests at boot, pairwise tests of new keys",
            "FIPS-2": "a failed self-test: error state until reset",
            "BLD-1": "release, debug and FIPS builds, each at its price",
        },
    ),
    *_chapter("Secrets", {"SEC-1": "secrets are overwritten after use", "SEC-2": "constant time"}),
    *_chapter(
        "Isolation",
        {"ISO-1": "four tasks", "ISO-2": "own address spaces", "ISO-3": "a fault stops one task"},
    ),
    *_chapter(
        "Client side",
        {"CLI-1": "wait and retry", "CLI-2": "chunks", "CLI-3": "sealed files"},
    ),
)
