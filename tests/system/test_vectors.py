# SPDX-License-Identifier: GPL-2.0-or-later
"""Published vectors on the emulated ARM: the release image by its window, its primitives by calls.

NIST's CAVP files come with the package cryptography-vectors, Wycheproof's from the folder that the environment variable
HIL_VECTORS names. Each test says the least number of cases that have to run.
"""

from __future__ import annotations

import os
import runpy
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from harness.vectors import Kind, VectorFile, load, load_files, run_files
from harness.vectors.primitives.gcm import GcmDecryptCase, GcmDecryptExecutor
from harness.vectors.routes import Bench, expect_bytes
from harness.vectors.runner import FileResult, run_loaded

CAVP = Path(cryptography_vectors.__file__).parent
GCM = CAVP / "ciphers" / "AES" / "GCM"
SHA3 = CAVP / "hashes" / "SHA3"
SHAKE = CAVP / "hashes" / "SHAKE"
GCM_DECRYPT, GCM_ENCRYPT = GCM / "gcmDecrypt256.rsp", GCM / "gcmEncryptExtIV256.rsp"

# How much of a Monte Carlo file of 100 links, each 1000 calls, runs without --full; the links are independent cases.
SAMPLE = 2


@pytest.fixture(scope="module")
def bench(firmware: Path) -> Iterator[Bench]:
    """Both routes on the release image."""
    with Bench(firmware) as made:
        yield made


@pytest.fixture(scope="module")
def wycheproof_gcm() -> Path:
    """Wycheproof's AES-GCM file."""
    folder = os.environ.get("HIL_VECTORS")
    if not folder:
        pytest.skip("HIL_VECTORS is not set: it names the folder that has Wycheproof's files in wycheproof/")
    path = Path(folder) / "wycheproof" / "aes_gcm_test.json"
    assert path.is_file(), f"HIL_VECTORS is set and {path} is missing"
    return path


@pytest.fixture
def shake_bench(bench: Bench) -> Bench:
    """The bench, on an image that the SHAKE functions can be called in."""
    if not bench.has_function("shake_squeeze"):
        pytest.skip("the image has no SHAKE functions: name them in ENTRIES of firmware/Makefile")
    return bench


def run(file: VectorFile, bench: Bench) -> FileResult:
    """Runs a file, none of whose cases may fail."""
    (result,) = run_loaded([file], bench)
    assert not result.failures, "\n".join(map(str, result.failures[:10]))
    return result


def published(test: str, name: str) -> Any:
    """The values that another test module cites and holds the model against."""
    return runpy.run_path(str(Path(__file__).parents[1] / "harness" / "model" / test))[name]


# ---- AES-256-GCM ----


def test_gcm_response_files_by_window_and_function(firmware: Path) -> None:
    result = run_files([GCM_DECRYPT, GCM_ENCRYPT], firmware)
    assert result.passed, [str(failure) for file in result.files for failure in file.failures[:10]]
    decrypted, encrypted = result.files
    assert decrypted.window >= 375
    assert (encrypted.function, encrypted.window) >= (375, 0)
    assert result.cases + result.unsupported == 2 * 7875


def test_wycheproof_gcm_by_window_and_function(wycheproof_gcm: Path, bench: Bench) -> None:
    file = load(wycheproof_gcm)
    assert file.kind is Kind.WYCHEPROOF
    result = run(file, bench)
    assert result.window >= 66
    assert result.function >= 39


def decryption_by_function(file: VectorFile, bench: Bench) -> int:
    """Calls gcm_decrypt itself, with its output watched, for what a file's own run sends through the window."""
    executor = GcmDecryptExecutor()
    cases = [case for case in file.cases if isinstance(case, GcmDecryptCase) and not executor.refusal(case)]
    for case in cases:
        bench.functions.begin()
        executor.run_function(case, bench.functions)
    return len(cases)


def test_gcm_decrypt_of_response_files(bench: Bench) -> None:
    assert decryption_by_function(load(GCM_DECRYPT), bench) >= 375


def test_gcm_decrypt_of_wycheproof(wycheproof_gcm: Path, bench: Bench) -> None:
    assert decryption_by_function(load(wycheproof_gcm), bench) >= 66


# ---- SHA-3, SHAKE ----


@pytest.mark.parametrize(
    ("name", "least"),
    [("SHA3_256ShortMsg", 137), ("SHA3_256LongMsg", 100), ("SHA3_512ShortMsg", 73), ("SHA3_512LongMsg", 100)],
)
def test_sha3(name: str, least: int, bench: Bench) -> None:
    assert run(load(SHA3 / f"{name}.rsp"), bench).function >= least


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("SHAKE128ShortMsg", 337),
        ("SHAKE128LongMsg", 100),
        ("SHAKE128VariableOut", 1126),
        ("SHAKE256ShortMsg", 273),
        ("SHAKE256LongMsg", 100),
        ("SHAKE256VariableOut", 1246),
    ],
)
def test_shake(name: str, least: int, shake_bench: Bench) -> None:
    assert run(load(SHAKE / f"{name}.rsp"), shake_bench).function >= least


def monte_carlo(path: Path, bench: Bench, links: int) -> None:
    file = load(path)
    assert len(file.cases) == 100
    assert run(replace(file, cases=file.cases[:links]), bench).function == links


@pytest.mark.parametrize("name", ["SHA3_256Monte", "SHA3_512Monte"])
def test_sha3_chains_begin_well(name: str, bench: Bench) -> None:
    monte_carlo(SHA3 / f"{name}.rsp", bench, SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SHA3_256Monte", "SHA3_512Monte"])
def test_whole_sha3_chains(name: str, bench: Bench) -> None:
    monte_carlo(SHA3 / f"{name}.rsp", bench, 100)


@pytest.mark.parametrize("name", ["SHAKE128Monte", "SHAKE256Monte"])
def test_shake_chains_begin_well(name: str, shake_bench: Bench) -> None:
    monte_carlo(SHAKE / f"{name}.rsp", shake_bench, SAMPLE)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SHAKE128Monte", "SHAKE256Monte"])
def test_whole_shake_chains(name: str, shake_bench: Bench) -> None:
    monte_carlo(SHAKE / f"{name}.rsp", shake_bench, 100)


# ---- SipHash, CTR_DRBG ----


def test_siphash(bench: Bench) -> None:
    """SipHash-2-4-128 of 00 01 02 ... under the key 00 to 0f: its authors' vectors (github.com/veorq/SipHash)."""
    vectors = published("test_siphash.py", "VECTORS")
    assert len(vectors) >= 20
    key, functions = bytes(range(16)), bench.functions
    for length, expected in vectors.items():
        functions.begin()
        digest = functions.space(16)
        message = functions.lend(bytes(range(length)))
        functions.call("siphash24_128", digest, functions.lend(key), message, length)
        expect_bytes(f"hash of {length} bytes", bytes.fromhex(expected), functions.take(digest))


def test_ctr_drbg(tmp_path: Path, bench: Bench) -> None:
    """CAVS 14.3, drbgvectors_no_reseed/CTR_DRBG.rsp, [AES-256 no df], in the layout of that file."""
    vectors = published("test_drbg.py", "CAVP")
    assert len(vectors) >= 4
    head = (
        "[AES-256 no df]\n[PredictionResistance = False]\n[EntropyInputLen = 384]\n[NonceLen = 0]\n"
        "[PersonalizationStringLen = 0]\n[AdditionalInputLen = 0]\n[ReturnedBitsLen = 512]\n\n"
    )
    records = (
        f"COUNT = {count}\nEntropyInput = {entropy}\nNonce = \nPersonalizationString = \n"
        f"AdditionalInput = \nAdditionalInput = \nReturnedBits = {returned}\n\n"
        for count, (entropy, returned) in enumerate(vectors)
    )
    path = tmp_path / "CTR_DRBG.rsp"
    path.write_text(head + "".join(records))
    assert run(load(path), bench).function == len(vectors)


# ---- many files at once, as a user gives them ----


def test_files_that_cannot_be_run_are_counted_beside_those_that_can(firmware: Path) -> None:
    paths = sorted(SHA3.glob("*Msg.rsp"))
    assert [file.path for file in load_files(paths)] == paths
    result = run_files(paths, firmware)
    assert result.passed
    assert result.cases == 137 + 100 + 73 + 100
    assert result.unsupported == 145 + 100 + 105 + 100
