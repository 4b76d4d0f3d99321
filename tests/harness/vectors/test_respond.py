# SPDX-License-Identifier: GPL-2.0-or-later
"""A response, taken as the expected results of its prompt, is right; and it is the one that another implementation
gives."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.vectors import VectorError, respond, run_files

Write = Callable[..., Path]
Change = Callable[[dict[str, Any]], object]


def made_sets(gcm_files: Any, acvp_sets: Any) -> dict[str, Any]:
    sealed = gcm_files.seal(1)
    return {
        "gcm": gcm_files.acvp(sealed, sealed.forged()),
        "kem_keygen": acvp_sets.kem_keygen(512, 768, 1024),
        "kem_encap_decap": acvp_sets.kem_encap_decap(768),
        "dsa_keygen": acvp_sets.dsa_keygen(44, 65, 87),
        "dsa_sig_gen": acvp_sets.dsa_sig_gen("pure", "internal"),
        "dsa_sig_ver": acvp_sets.dsa_sig_ver("pure", "internal"),
    }


ROUTES = {
    "gcm": (2, 1),
    "kem_keygen": (0, 3),
    "kem_encap_decap": (2, 5),
    "dsa_keygen": (0, 3),
    "dsa_sig_gen": (0, 4),
    "dsa_sig_ver": (3, 3),
}


@pytest.mark.parametrize("name", ROUTES)
def test_a_response_is_right(name: str, gcm_files: Any, acvp_sets: Any, write: Write, firmware: Path) -> None:
    vector_set = made_sets(gcm_files, acvp_sets)[name]
    prompt = write([{"acvVersion": "1.0"}, vector_set.prompt], "prompt.json")
    steps: list[tuple[int, int]] = []
    result = respond(prompt, firmware, progress=lambda done, total: steps.append((done, total)))
    assert (result.window, result.function) == ROUTES[name]
    assert steps[-1] == (sum(ROUTES[name]), sum(ROUTES[name]))
    version, body = json.loads(result.encode())
    assert version == {"acvVersion": "1.0"}
    assert {name: body[name] for name in body if name != "testGroups"} == {
        name: vector_set.results[name] for name in ("vsId", "algorithm", "mode", "revision") if name in body
    }
    assert json.dumps(body["testGroups"]).upper() == json.dumps(vector_set.results["testGroups"]).upper()
    response = write(result.encode(), "response.json")
    judged = run_files((prompt, response), firmware)
    assert (judged.cases, judged.failed, judged.unsupported) == (sum(ROUTES[name]), 0, 0)


def test_nonces_of_the_service_are_part_of_the_response(gcm_files: Any, write: Write, firmware: Path) -> None:
    document = gcm_files.acvp(gcm_files.seal(1)).prompt
    document["testGroups"][0].update(ivGen="internal", ivGenMode="8.2.2")
    del document["testGroups"][0]["tests"][0]["iv"]
    prompt = write(document, "prompt.json")
    result = respond(prompt, firmware)
    assert (result.window, result.function) == (2, 0)
    answer = json.loads(result.encode())[1]["testGroups"][0]["tests"][0]
    assert sorted(answer) == ["ct", "iv", "tag", "tcId"]
    judged = run_files((prompt, write(result.encode(), "response.json")), firmware)
    assert (judged.cases, judged.failed) == (2, 0)


@pytest.mark.parametrize(
    ("interface", "reason"), [("preHash", "HashML-DSA"), ("externalMu", "ML-DSA with a message representative")]
)
def test_what_is_not_offered_has_no_response(
    interface: str, reason: str, acvp_sets: Any, write: Write, firmware: Path
) -> None:
    for made in (acvp_sets.dsa_sig_gen("pure", interface), acvp_sets.dsa_sig_ver("pure", interface)):
        with pytest.raises(VectorError, match=f"tcId [34] asks for what is not offered: {reason}.*register without"):
            respond(write(made.prompt), firmware)


def change_ek(document: dict[str, Any]) -> None:
    test = document["testGroups"][0]["tests"][0]
    test["ek"] = "FFFFFF" + test["ek"][6:]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (change_ek, "tcId 1 has no answer: the firmware refused it"),
        (lambda d: d.update(revision="FIPS203-tr1"), "revision 'FIPS203-tr1' is unknown, only FIPS203 can be read"),
        (lambda d: d.update(mode="encap"), "algorithm 'ML-KEM encap' is unknown, known: .*ML-KEM encapDecap"),
        (
            lambda d: d["testGroups"][0].update(parameterSet="ML-KEM-256"),
            "tgId 1: parameterSet 'ML-KEM-256' is unknown",
        ),
        (lambda d: d["testGroups"][0]["tests"][0].update(salt=""), "tcId 1: unknown field 'salt'"),
        (lambda d: d["testGroups"][0]["tests"][0].update(c=""), "tcId 1: unknown field 'c'"),
        (lambda d: d["testGroups"][0]["tests"][0].update(deferred=False), "the answers are in this file: give the"),
    ],
)
def test_prompts_without_response(change: Change, error: str, acvp_sets: Any, write: Write, firmware: Path) -> None:
    prompt = copy.deepcopy(acvp_sets.kem_encap_decap().prompt)
    change(prompt)
    path = write(prompt)
    with pytest.raises(VectorError, match=f"^{path}: {error}"):
        respond(path, firmware)


def test_what_is_no_prompt(gcm_files: Any, write: Write, tmp_path: Path, firmware: Path) -> None:
    sealed = gcm_files.seal(1)
    vector_set = gcm_files.acvp(sealed)
    for content, error in (
        (gcm_files.rsp(sealed), "not an ACVP file, so there is nothing to respond to"),
        (gcm_files.wycheproof(sealed), "not an ACVP file"),
        (vector_set.results, "the answers are in this file: give the prompt"),
        (vector_set.complete, "the answers are in this file: give the prompt"),
        (json.dumps(vector_set.prompt)[:-9], "JSON is damaged or cut off"),
        ("", "the file is empty"),
    ):
        path = write(content)
        with pytest.raises(VectorError, match=f"^{path}: {error}"):
            respond(path, firmware)
    with pytest.raises(VectorError, match="No such file"):
        respond(tmp_path / "absent", firmware)
