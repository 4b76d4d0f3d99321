# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of ML-KEM: what is read runs and passes, damage is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kyber_py.ml_kem.default_parameters import DEFAULT_PARAMETERS
from kyber_py.ml_kem.ml_kem import ML_KEM

from harness.vectors import Kind, VectorError, VectorFile, load, load_files
from harness.vectors.routes import Bench
from harness.vectors.runner import FileResult, run_loaded

Write = Callable[..., Path]
Change = Callable[[dict[str, Any]], object]
D, Z, M = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))


def run(file: VectorFile, bench: Bench) -> FileResult:
    (result,) = run_loaded([file], bench)
    assert not result.failures, list(map(str, result.failures))
    return result


def known_answers(number: int = 512) -> str:
    peer = ML_KEM(DEFAULT_PARAMETERS[f"ML{number}"])
    text = ""
    for count in range(2):
        m = bytes([count]) * 32
        ek, dk = peer._keygen_internal(D, Z)
        secret, c = peer._encaps_internal(ek, m)
        fields = {"z": Z, "d": D, "msg": m, "seed": b"", "pk": ek, "sk": dk, "ct_n": bytes(len(c))}
        fields |= {"ss_n": peer._decaps_internal(dk, bytes(len(c))), "ct": c, "ss": secret}
        text += f"count = {count}\n" + "".join(f"{name} = {value.hex()}\n" for name, value in fields.items())
    return text


@pytest.mark.parametrize("number", [512, 768, 1024])
def test_known_answers(number: int, write: Write, bench: Bench) -> None:
    file = load(write(known_answers(number)))
    assert (file.kind, file.algorithm) == (Kind.CAVP, f"ML-KEM-{number}")
    names = [f"line {line} {what}" for line in (1, 12) for what in ("keygen", "encaps", "decaps", "reject")]
    assert [case.name for case in file.cases] == names
    assert run(file, bench).function == 8


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("count = 1", "count = 2", "line 12: count is 2, expected 1"),
        ("\nss = ", "\ntt = ", "line 1: a record of count, z, .*, tt, expected count"),
        ("\nd = 00", "\nd = ", "line 1: d has 248 bits where 256 are stated"),
        ("\nd = 00", "\nd = 0", "line 1: d is no hexadecimal string"),
        ("\nct_n = 00", "\nct_n = ", "line 1: ct_n has 6136 bits where 6144 are stated"),
        ("\npk = ", "\npk = 00", "line 1: pk has 801 bytes, no encapsulation key of ML-KEM has"),
        ("count = 1", "[x = 1]\ncount = 0", "line 12: a section is unknown here"),
    ],
)
def test_damaged_known_answers(old: str, new: str, error: str, write: Write) -> None:
    whole = known_answers()
    changed = whole.replace(old, new, 1)
    assert changed != whole
    with pytest.raises(VectorError, match=error):
        load(write(changed))
    with pytest.raises(VectorError, match=r"a record of .* the file is cut off or damaged|has .* bits|no hexadecimal"):
        load(write(whole[: len(whole) * 3 // 4]))


def wycheproof(kind: str, *tests: dict[str, Any]) -> dict[str, Any]:
    numbered = [{"tcId": number, "flags": [], **test} for number, test in enumerate(tests, start=1)]
    group = {"type": kind, "source": {}, "parameterSet": "ML-KEM-512", "tests": numbered}
    return {"algorithm": "ML-KEM", "schema": "s", "numberOfTests": len(tests), "testGroups": [group]}


def wycheproof_files() -> dict[str, tuple[dict[str, Any], tuple[int, int, int]]]:
    """A file of each kind, and how many of its cases run by window, by function and not at all."""
    peer = ML_KEM(DEFAULT_PARAMETERS["ML512"])
    ek, dk = peer._keygen_internal(D, Z)
    secret, c = peer._encaps_internal(ek, M)
    seed = {"seed": (D + Z).hex(), "c": c.hex()}
    bad = {"result": "invalid", "c": "", "K": ""}
    valid = {"result": "valid", "c": c.hex(), "K": secret.hex()}
    return {
        "MLKEMTest": (
            wycheproof(
                "MLKEMTest",
                {**seed, **valid, "ek": ek.hex()},
                {**seed, **bad, "c": c[:-1].hex(), "ek": ek.hex()},
                {**bad, "seed": D.hex(), "c": c.hex()},
            ),
            (1, 1, 1),
        ),
        "MLKEMEncapsTest": (
            wycheproof(
                "MLKEMEncapsTest",
                {**valid, "ek": ek.hex(), "m": M.hex()},
                {**bad, "ek": "ff" * 800, "m": M.hex()},
                {**bad, "ek": ek.hex() + "00", "m": M.hex()},
            ),
            (2, 1, 0),
        ),
        "MLKEMKeyGen": (
            wycheproof("MLKEMKeyGen", {"result": "valid", "seed": (D + Z).hex(), "ek": ek.hex(), "dk": dk.hex()}),
            (0, 1, 0),
        ),
        "MLKEMDecapsValidationTest": (
            wycheproof(
                "MLKEMDecapsValidationTest",
                {**valid, "ek": ek.hex(), "dk": dk.hex()},
                {"result": "invalid", "ek": ek.hex(), "dk": dk[:-33].hex() + "00" * 33, "c": c.hex()},
                {"result": "invalid", "ek": ek.hex(), "dk": dk.hex(), "c": c[1:].hex()},
                {"result": "invalid", "ek": ek.hex(), "dk": dk[1:].hex(), "c": c.hex()},
            ),
            (1, 2, 1),
        ),
    }


@pytest.mark.parametrize("kind", wycheproof_files())
def test_wycheproof(kind: str, write: Write, bench: Bench) -> None:
    document, (window, function, unsupported) = wycheproof_files()[kind]
    file = load(write(document))
    assert (file.kind, file.algorithm) == (Kind.WYCHEPROOF, "ML-KEM")
    result = run(file, bench)
    assert (result.window, result.function, sum(result.unsupported.values())) == (window, function, unsupported)
    test = document["testGroups"][0]["tests"][0]
    for name in ("K", "dk" if kind == "MLKEMKeyGen" else "K"):
        if name in test:
            test[name] = test[name][:-2] + ("00" if test[name][-2:] != "00" else "01")
    (wrong,) = run_loaded([load(write(document))], bench)
    assert [failure.case for failure in wrong.failures] == ["tcId 1"]


@pytest.mark.parametrize(
    ("kind", "change", "error"),
    [
        ("MLKEMTest", lambda g: g.update(parameterSet="ML-KEM-640"), "parameterSet 'ML-KEM-640' is unknown"),
        ("MLKEMTest", lambda g: g.update(type="MLKEMDream"), "unknown type 'MLKEMDream', known: MLKEMTest"),
        ("MLKEMTest", lambda g: g.update(salt=1), "unknown field 'salt'"),
        ("MLKEMTest", lambda g: g["tests"][0].update(salt=1), "tcId 1: unknown field 'salt'"),
        ("MLKEMTest", lambda g: g["tests"][0].update(K="00"), "tcId 1: K has 8 bits where 256 are stated"),
        ("MLKEMTest", lambda g: g["tests"][0].pop("ek"), "tcId 1: field ek is missing"),
        ("MLKEMEncapsTest", lambda g: g["tests"][0].update(m="00"), "tcId 1: m has 8 bits where 256 are stated"),
        ("MLKEMEncapsTest", lambda g: g["tests"][0].update(c="00"), "tcId 1: c has 8 bits where 6144 are stated"),
        ("MLKEMKeyGen", lambda g: g["tests"][0].update(result="invalid"), "a key generation that has to fail"),
        ("MLKEMKeyGen", lambda g: g["tests"][0].update(seed=""), "tcId 1: seed has 0 bits where 512 are stated"),
        ("MLKEMDecapsValidationTest", lambda g: g["tests"][1].update(dk="0"), "tcId 2: dk is no hexadecimal"),
    ],
)
def test_damaged_wycheproof(kind: str, change: Change, error: str, write: Write) -> None:
    document, _ = wycheproof_files()[kind]
    change(document["testGroups"][0])
    with pytest.raises(VectorError, match=error):
        load(write(document))


def test_vector_sets(acvp_sets: Any, write: Write, bench: Bench) -> None:
    for made, counts in ((acvp_sets.kem_keygen(512, 1024), (0, 2)), (acvp_sets.kem_encap_decap(512), (2, 5))):
        (joined,) = load_files((write(made.prompt, "p"), write(made.results, "r")))
        whole = load(write(made.complete, "c"))
        assert joined.cases == whole.cases
        assert whole.algorithm == "ML-KEM"
        result = run(whole, bench)
        assert (result.window, result.function) == counts


def test_older_sets_have_the_key_in_the_group(acvp_sets: Any, write: Write) -> None:
    made = acvp_sets.kem_encap_decap()
    wanted = load(write(made.complete)).cases
    older = copy.deepcopy(made.complete)
    group = older["testGroups"][1]
    group["ek"] = older["testGroups"][0]["tests"][0]["ek"]
    for test in group["tests"]:
        group["dk"] = test.pop("dk")
    assert load(write(older)).cases == wanted


@pytest.mark.parametrize(
    ("group", "change", "error"),
    [
        (0, lambda g: g.update(testType="GDT"), "tgId 1: testType 'GDT' is unknown"),
        (0, lambda g: g.update(parameterSet="Kyber"), "tgId 1: parameterSet 'Kyber' is unknown, only ML-KEM-512"),
        (0, lambda g: g.update(function="dream"), "tgId 1: function 'dream' is unknown"),
        (0, lambda g: g.update(salt=1), "tgId 1: unknown field 'salt'"),
        (0, lambda g: g["tests"][0].update(m="00"), "tcId 1: m has 8 bits where 256 are stated"),
        (0, lambda g: g["tests"][0].update(k="00"), "tcId 1: k has 8 bits where 256 are stated"),
        (1, lambda g: g["tests"][0].pop("dk"), "tcId 2: field dk is missing"),
        (2, lambda g: g["tests"][0].pop("testPassed"), "tcId 4: field testPassed is missing"),
        (3, lambda g: g["tests"][0].update(testPassed="true"), "tcId 6: testPassed is no true or false"),
    ],
)
def test_damaged_vector_sets(group: int, change: Change, error: str, acvp_sets: Any, write: Write) -> None:
    document = acvp_sets.kem_encap_decap().complete
    change(document["testGroups"][group])
    with pytest.raises(VectorError, match=error):
        load(write(document))
