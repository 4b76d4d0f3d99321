# SPDX-License-Identifier: GPL-2.0-or-later
"""The first corpus does what it is meant to do, on the firmware."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pytest

from harness.default_keys import AES_KEY_ID, MLDSA_KEY_IDS, MLKEM_KEY_IDS, SECOND_AES_KEY_ID
from harness.fuzz import script as s
from harness.fuzz import seeds
from harness.fuzz.executor import Executor, Verdict
from harness.fuzz.oracles import ModelOracle
from harness.fuzz.script import Step
from harness.protocol import commands as table
from harness.protocol.commands import Status

SUCCESS = Status.SUCCESS


def statuses(executor: Executor, steps: Sequence[Step]) -> list[int]:
    assert executor.run(s.encode(steps)) is Verdict.PASS
    return [exchange.status for exchange in executor.exchanges]


@pytest.mark.parametrize("key_id", [AES_KEY_ID, SECOND_AES_KEY_ID])
def test_what_was_sealed_is_opened_once(executor: Executor, key_id: int) -> None:
    steps = [*seeds.encrypt(key_id, b"aad", b"text"), *seeds.decrypt(key_id, b"aad")]
    assert statuses(executor, steps) == [SUCCESS] * 2
    assert executor.exchanges[1].payload == b"text"
    again = [*seeds.encrypt(key_id), *seeds.decrypt(key_id), *seeds.decrypt(key_id, back=1)]
    assert statuses(executor, again) == [SUCCESS, SUCCESS, Status.NONCE_REUSE]


@pytest.mark.parametrize(("number", "key_id"), MLKEM_KEY_IDS.items())
def test_both_ends_have_the_same_secret(executor: Executor, number: int, key_id: int) -> None:
    assert statuses(executor, [*seeds.keygen(key_id), *seeds.encaps(), *seeds.decaps(key_id)]) == [SUCCESS] * 3
    _, sealed, opened = executor.exchanges
    assert sealed.payload[-table.MLKEM_SECRET_SIZE :] == opened.payload
    assert len(sealed.payload) == table.MLKEM_SIZES[number].ciphertext + table.MLKEM_SECRET_SIZE


@pytest.mark.parametrize(("number", "key_id"), MLDSA_KEY_IDS.items())
def test_a_signature_verifies_for_its_message_alone(executor: Executor, number: int, key_id: int) -> None:
    length = table.MLDSA_SIZES[number].signature
    steps = [
        *seeds.sign(key_id, b"ctx", b"message"),
        *seeds.verify(key_id, length, b"ctx", b"message"),
        *seeds.verify(key_id, length, b"ctx", b"another", back=1),
    ]
    assert statuses(executor, steps) == [SUCCESS, SUCCESS, Status.CRYPTO_ERROR]


def test_the_first_corpus_passes_and_reaches_what_there_is(executor: Executor) -> None:
    oracle = ModelOracle(executor)
    reached: Counter[tuple[int, int]] = Counter()
    for script in seeds.first_corpus():
        assert executor.run(script) is Verdict.PASS, s.listing(script)
        assert oracle.judge() is Verdict.PASS, s.listing(script)
        reached.update((e.request[2] if len(e.request) > 2 else 0, e.status) for e in executor.exchanges)
    assert {code for code, status in reached if status == SUCCESS} == set(table.BY_CODE)
    assert {status for _, status in reached} == set(Status)
    assert all(reached[code, Status.INVALID_PAYLOAD] for code in table.BY_CODE)


def test_no_script_of_the_first_corpus_comes_twice() -> None:
    corpus = seeds.first_corpus()
    assert len(set(corpus)) == len(corpus) > 50
    assert all(corpus)


def test_snippets_are_scripts_of_which_short_ones_come_most_often() -> None:
    times = Counter(seeds.snippets())
    most = max(times.values())
    assert most > 1
    assert all(len(script) <= 200 for script, count in times.items() if count == most)
    assert s.encode(seeds.encaps()) in times
    assert all(s.normal(script) == script for script in times)


def test_tokens_are_sorted_and_come_once() -> None:
    tokens = seeds.tokens()
    assert list(tokens) == sorted(set(tokens))
    assert {len(token) for token in tokens} == {2, 4}
    assert bytes((0xC7, 1, 0x22, 0)) in tokens
    assert (65537).to_bytes(4, "little") in tokens
    assert (0x0BAD_F00D).to_bytes(4, "little") in tokens


def test_the_dictionary_is_a_quoted_token_a_line() -> None:
    lines = seeds.dictionary().splitlines()
    assert all(re.fullmatch(r'"(\\x[0-9A-F]{2})+"', line) for line in lines)
    assert [bytes.fromhex(line.strip('"').replace("\\x", "")) for line in lines] == list(seeds.tokens())
