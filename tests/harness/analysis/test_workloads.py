# SPDX-License-Identifier: GPL-2.0-or-later
"""Each operation has its workloads, which a service as the contract has it answers with SUCCESS."""

from __future__ import annotations

import pytest

from harness.analysis.error import AnalysisError
from harness.analysis.workloads import Draw, Session, Workload, all_workloads, workloads
from harness.protocol import codec, key_image
from harness.protocol import commands as table
from harness.protocol.key_image import KeyImage
from harness.targets.model import ModelTarget


def name_of(load: Workload) -> str:
    return f"{load.command.name} {load.parameter_set}"


def test_every_operation_has_workloads_and_no_two_are_the_same() -> None:
    everything = all_workloads()
    assert {load.command.name for load in everything} == set(table.BY_NAME)
    assert len({name_of(load) for load in everything}) == len(everything)


def test_those_that_are_measured_are_the_implemented_ones() -> None:
    assert {load.command.name for load in workloads()} == {c.name for c in table.COMMANDS if c.implemented}


@pytest.mark.parametrize("algorithm", ["ML-DSA", "ML-KEM"])
def test_every_parameter_set_is_there(algorithm: str) -> None:
    sets = {"ML-DSA": (44, 65, 87), "ML-KEM": (512, 768, 1024)}[algorithm]
    by_command: dict[str, set[str]] = {}
    for load in all_workloads():
        if load.parameter_set.startswith(algorithm):
            by_command.setdefault(load.command.name, set()).add(load.parameter_set)
    assert len(by_command) == {"ML-DSA": 2, "ML-KEM": 3}[algorithm]
    for found in by_command.values():
        assert {f"{algorithm}-{number}" for number in sets} <= found


@pytest.mark.parametrize("load", all_workloads(), ids=name_of)
def test_its_key_is_one_that_an_image_may_hold(load: Workload) -> None:
    KeyImage((load.slot(Draw(0)),)).check()


@pytest.mark.parametrize("load", workloads(), ids=name_of)
def test_the_model_serves_it_turn_after_turn(load: Workload) -> None:
    target, draw = ModelTarget(), Draw(3)
    slot = load.slot(draw)
    target.boot(draw.bytes("entropy", 48), KeyImage((slot,)).build())
    requests = []
    for turn in (0, 1):
        session = Session(target, slot, draw, turn)
        request = load.request(session)
        session.settle()
        session.ask(load.command, request)
        requests.append(request)
    # Only a request for a new key pair has nothing that could differ.
    assert requests[0] != requests[1] or load.command is table.MLKEM_KEYGEN


def test_the_longest_messages_use_up_the_payload() -> None:
    target, draw = ModelTarget(), Draw(0)
    target.boot(draw.bytes("entropy", 48), KeyImage((key_image.aes_slot(1, bytes(32)),)).build())
    longest = [load for load in all_workloads() if load.parameter_set == "AES-256 64 KiB"]
    session = Session(target, longest[0].slot(draw), draw, 0)
    encrypt, decrypt = (load.request(session) for load in longest)
    assert len(encrypt) == 8 + 6 + table.AES_PLAINTEXT_MAX
    assert len(target.exchange(encrypt).payload) == table.MAX_PAYLOAD
    assert len(decrypt) == 8 + table.MAX_PAYLOAD


def test_a_seed_is_the_same_everywhere_and_its_labels_differ() -> None:
    assert Draw(7).bytes("key", 4) == Draw(7).bytes("key", 4)
    assert len({Draw(seed).bytes(label, 8) for seed in (0, 1) for label in ("key", "entropy")}) == 4


def test_an_answer_that_is_no_success_is_one_clear_line() -> None:
    target, draw = ModelTarget(), Draw(0)
    target.boot(draw.bytes("entropy", 48), b"")
    session = Session(target, key_image.aes_slot(1, bytes(32)), draw, 0)
    with pytest.raises(AnalysisError, match="AES_ENCRYPT is answered with KEY_NOT_FOUND") as caught:
        session.ask(table.AES_ENCRYPT, codec.aes_encrypt(1, b"", b""))
    assert "\n" not in str(caught.value)
