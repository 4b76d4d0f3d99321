# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of ML-DSA: what is read runs and passes, damage is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dilithium_py.ml_dsa.default_parameters import DEFAULT_PARAMETERS
from dilithium_py.ml_dsa.ml_dsa import ML_DSA

from harness.vectors import Kind, VectorError, VectorFile, load, load_files
from harness.vectors.routes import Bench
from harness.vectors.runner import FileResult, run_loaded

Write = Callable[..., Path]
Change = Callable[[dict[str, Any]], object]
SEED, CONTEXT, CONTENT = bytes(range(32)), b"context", b"message"


def run(file: VectorFile, bench: Bench) -> FileResult:
    (result,) = run_loaded([file], bench)
    assert not result.failures, list(map(str, result.failures))
    return result


def signed(number: int, rnd: bytes = bytes(32), context: bytes = CONTEXT) -> tuple[bytes, bytes, bytes]:
    """Public key, secret key, signature."""
    peer = ML_DSA(DEFAULT_PARAMETERS[f"ML_DSA_{number}"])
    pk, sk = peer._keygen_internal(SEED)
    return pk, sk, peer._sign_internal(sk, bytes([0, len(context)]) + context + CONTENT, rnd)


def known_answers(number: int = 44) -> str:
    pk, sk, signature = signed(number)
    texts = {"xi": SEED, "seed": bytes(48), "pk": pk, "sk": sk, "msg": CONTENT}
    first = "".join(f"{name} = {value.hex()}\n" for name, value in texts.items())
    second = f"sm = {(signature + CONTENT).hex()}\nsmlen = {len(signature) + 7}\nctx = {CONTEXT.hex()}\n"
    return "".join(f"count = {count}\n{first}mlen = 7\n{second}" for count in range(2))


@pytest.mark.parametrize("number", [44, 65, 87])
def test_known_answers(number: int, write: Write, bench: Bench) -> None:
    file = load(write(known_answers(number)))
    assert (file.kind, file.algorithm) == (Kind.CAVP, f"ML-DSA-{number}")
    assert [case.name for case in file.cases[:3]] == ["line 1 keygen", "line 1 sign", "line 1 verify"]
    result = run(file, bench)
    assert (result.window, result.function) == (2, 4)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("count = 1", "count = 2", "line 11: count is 2, expected 1"),
        ("\nctx = ", "\ncontext = ", "line 1: a record of count, xi, .*, context, expected count"),
        ("\nxi = 00", "\nxi = ", "line 1: xi has 248 bits where 256 are stated"),
        ("\npk = ", "\npk = 00", "line 1: pk has 1313 bytes, no public key of ML-DSA has"),
        ("\nsk = ", "\nsk = 00", "line 1: sk has 20488 bits where 20480 are stated"),
        ("\nmlen = 7", "\nmlen = 8", "line 1: msg has 56 bits where 64 are stated"),
        ("\nsmlen = 2427", "\nsmlen = 2428", "line 1: sm has 19416 bits where 19424 are stated"),
        ("\nmsg = 6d", "\nmsg = 6e", "line 1: sm does not end in the message"),
        ("count = 1", "[x = 1]\ncount = 0", "line 11: a section is unknown here"),
    ],
)
def test_damaged_known_answers(old: str, new: str, error: str, write: Write) -> None:
    whole = known_answers()
    changed = whole.replace(old, new, 1)
    assert changed != whole
    with pytest.raises(VectorError, match=error):
        load(write(changed))


def wycheproof(number: int, *groups: dict[str, Any]) -> dict[str, Any]:
    """Tests get their numbers from 1."""
    count = 0
    for group in groups:
        for test in group["tests"]:
            count += 1
            test.update(tcId=count, flags=[], comment="")
    return {
        "algorithm": f"ML-DSA-{number}",
        "schema": "s",
        "numberOfTests": count,
        "header": [],
        "notes": {},
        "testGroups": list(groups),
    }


def single(result: str, signature: bytes, **more: bytes) -> dict[str, Any]:
    return {"result": result, "sig": signature.hex(), **{name: value.hex() for name, value in more.items()}}


def sign_groups(number: int, key: dict[str, Any], wrong: dict[str, Any]) -> dict[str, Any]:
    """Deterministic, hedged, without context, with one that is too long, by mu alone, with a wrong key."""
    pk, _, signature = signed(number)
    rnd = b"\7" * 32
    tests = [
        single("valid", signature, msg=CONTENT, ctx=CONTEXT, mu=bytes(64)),
        single("valid", signed(number, rnd)[2], msg=CONTENT, ctx=CONTEXT, rnd=rnd),
        single("valid", signed(number, context=b"")[2], msg=CONTENT),
        single("invalid", b"", msg=CONTENT, ctx=bytes(256)),
        single("valid", signature, mu=bytes(64)),
    ]
    head = {"type": "MlDsaSign", "source": {}}
    return wycheproof(
        number,
        {**head, **key, "publicKey": pk.hex(), "tests": tests},
        {**head, **wrong, "publicKey": None, "tests": [single("invalid", b"", msg=CONTENT)]},
    )


def wycheproof_files(number: int = 44) -> dict[str, tuple[dict[str, Any], tuple[int, int, int]]]:
    """A file of each kind, and how many of its cases run by window, by function and not at all."""
    pk, sk, signature = signed(number)
    verify = {"type": "MlDsaVerify", "source": {}, "publicKeyDer": ""}
    return {
        "seed": (
            sign_groups(number, {"privateSeed": SEED.hex(), "privateKeyPkcs8": ""}, {"privateSeed": ""}),
            (1, 4, 1),
        ),
        "noseed": (sign_groups(number, {"privateKey": sk.hex()}, {"privateKey": "00"}), (0, 4, 2)),
        "verify": (
            wycheproof(
                number,
                {
                    **verify,
                    "publicKey": pk.hex(),
                    "tests": [
                        single("valid", signature, msg=CONTENT, ctx=CONTEXT),
                        single("invalid", signature, msg=CONTENT),
                        single("invalid", signature[:-1], msg=CONTENT, ctx=CONTEXT),
                        single("invalid", signature, msg=CONTENT, ctx=bytes(256)),
                    ],
                },
                {
                    **verify,
                    "publicKey": pk[:-1].hex(),
                    "tests": [single("invalid", signature, msg=CONTENT, ctx=CONTEXT)],
                },
                {**verify, "publicKey": "00" * 2593, "tests": [single("invalid", signature, msg=CONTENT)]},
            ),
            (4, 1, 1),
        ),
    }


@pytest.mark.parametrize("number", [44, 65, 87])
@pytest.mark.parametrize("kind", ["seed", "noseed", "verify"])
def test_wycheproof(kind: str, number: int, write: Write, bench: Bench) -> None:
    document, (window, function, unsupported) = wycheproof_files(number)[kind]
    file = load(write(document))
    assert (file.kind, file.algorithm) == (Kind.WYCHEPROOF, f"ML-DSA-{number}")
    result = run(file, bench)
    assert (result.window, result.function, sum(result.unsupported.values())) == (window, function, unsupported)
    first = document["testGroups"][0]["tests"][0]
    first["sig"] = ("00" if first["sig"][:2] != "00" else "01") + first["sig"][2:]
    (wrong,) = run_loaded([load(write(document))], bench)
    assert [failure.case for failure in wrong.failures] == ["tcId 1"]


def test_a_seed_has_to_give_the_public_key(write: Write, bench: Bench) -> None:
    document, _ = wycheproof_files()["seed"]
    document["testGroups"][0]["publicKey"] = "00" * 1312
    (result,) = run_loaded([load(write(document))], bench)
    assert {failure.text.split(":")[0] for failure in result.failures} == {"pk"}


@pytest.mark.parametrize(
    ("kind", "change", "error"),
    [
        ("seed", lambda g: g.update(type="MlDsaDream"), "unknown type 'MlDsaDream', known: MlDsaSign, MlDsaVerify"),
        ("seed", lambda g: g.update(salt=1), "unknown field 'salt'"),
        ("noseed", lambda g: g.pop("privateKey"), "field privateKey is missing"),
        ("noseed", lambda g: g["tests"][0].update(salt=1), "tcId 1: unknown field 'salt'"),
        ("noseed", lambda g: g["tests"][1].update(rnd="00"), "tcId 2: rnd has 8 bits where 256 are stated"),
        ("noseed", lambda g: g["tests"][0].update(sig="00"), "tcId 1: sig has 8 bits where 19360 are stated"),
        ("noseed", lambda g: g["tests"][4].update(mu="00"), "tcId 5: mu has 8 bits where 512 are stated"),
        ("noseed", lambda g: g["tests"][4].pop("mu"), "tcId 5: field mu is missing"),
        ("verify", lambda g: g["tests"][0].pop("msg"), "tcId 1: field msg is missing"),
        ("verify", lambda g: g.update(publicKey="0"), "publicKey is no hexadecimal string"),
    ],
)
def test_damaged_wycheproof(kind: str, change: Change, error: str, write: Write) -> None:
    document, _ = wycheproof_files()[kind]
    change(document["testGroups"][0])
    with pytest.raises(VectorError, match=error):
        load(write(document))


INTERFACES = ("pure", "preHash", "internal", "externalMu")
REASONS = {
    "HashML-DSA: the service has pure ML-DSA (DSA-1)",
    "ML-DSA with a message representative (mu) that the caller computes",
}


def test_vector_sets(acvp_sets: Any, write: Write, bench: Bench) -> None:
    for made, counts in (
        (acvp_sets.dsa_keygen(44, 87), (0, 2, 0)),
        (acvp_sets.dsa_sig_gen(*INTERFACES), (0, 4, 4)),
        (acvp_sets.dsa_sig_ver(*INTERFACES, number=65), (3, 3, 6)),
    ):
        (joined,) = load_files((write(made.prompt, "p"), write(made.results, "r")))
        whole = load(write(made.complete, "c"))
        assert joined.cases == whole.cases
        assert whole.algorithm == "ML-DSA"
        result = run(whole, bench)
        assert (result.window, result.function, sum(result.unsupported.values())) == counts
        assert not result.unsupported or set(result.unsupported) == REASONS


def test_what_only_whole_files_and_older_ones_say(acvp_sets: Any, write: Write) -> None:
    made = acvp_sets.dsa_sig_ver("pure", "internal").complete
    wanted = load(write(made)).cases
    older = copy.deepcopy(made)
    older["testGroups"][0].update(externalMu=False)
    older["testGroups"][1].update(preHash="none", cornerCase="none")
    for group in older["testGroups"]:
        for test_fields in group["tests"]:
            group["pk"] = test_fields.pop("pk")
            test_fields["hashAlg"] = "none"
    assert load(write(older)).cases == wanted


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda d: d.update(revision="FIPS204-tr1"), "revision 'FIPS204-tr1' is unknown, only FIPS204 can be read"),
        (lambda d: d["testGroups"][0].update(testType="GDT"), "tgId 1: testType 'GDT' is unknown"),
        (lambda d: d["testGroups"][0].update(parameterSet="ML-DSA-99"), "tgId 1: parameterSet 'ML-DSA-99' is unknown"),
        (lambda d: d["testGroups"][0].update(signatureInterface="both"), "signatureInterface 'both' is unknown"),
        (lambda d: d["testGroups"][0].pop("signatureInterface"), "tgId 1: field signatureInterface is missing"),
        (lambda d: d["testGroups"][0].update(preHash="post"), "tgId 1: preHash 'post' is unknown"),
        (lambda d: d["testGroups"][0].update(deterministic="no"), "tgId 1: deterministic is no true or false"),
        (lambda d: d["testGroups"][0].update(salt=1), "tgId 1: unknown field 'salt'"),
        (lambda d: d["testGroups"][0]["tests"][0].update(sk="00"), "tcId 1: sk has 8 bits where 20480 are stated"),
        (lambda d: d["testGroups"][0]["tests"][0].pop("context"), "tcId 1: field context is missing"),
        (lambda d: d["testGroups"][0]["tests"][0].update(signature=""), "tcId 1: signature has 0 bits where 19360"),
        (lambda d: d["testGroups"][1]["tests"][0].pop("rnd"), "tcId 2: field rnd is missing"),
    ],
)
def test_damaged_vector_sets(change: Change, error: str, acvp_sets: Any, write: Write) -> None:
    document = acvp_sets.dsa_sig_gen("pure").complete
    change(document)
    with pytest.raises(VectorError, match=error):
        load(write(document))
