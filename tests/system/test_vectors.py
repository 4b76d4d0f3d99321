# SPDX-License-Identifier: GPL-2.0-or-later
"""Published vectors on the emulated ARM: the release image by its window, its primitives by calls.

NIST's CAVP files and known answers of ML-KEM and ML-DSA come with the package cryptography-vectors, Wycheproof's from
the folder that the environment variable HIL_VECTORS names. Each test says the least number of cases that have to run.
"""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from harness.vectors import Kind, VectorFile, load, load_files, run_files
from harness.vectors.primitives.gcm import GcmDecrypt
from harness.vectors.primitives.mldsa import SIZES, Verify
from harness.vectors.questions import AskedCase, Question
from harness.vectors.registry import executor_of
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
def wycheproof() -> Callable[[str], Path]:
    """The path of one of Wycheproof's files, by its name."""
    folder = os.environ.get("HIL_VECTORS")
    if not folder:
        pytest.skip("HIL_VECTORS is not set: it names the folder that has Wycheproof's files in wycheproof/")

    def find(name: str) -> Path:
        path = Path(folder) / "wycheproof" / name
        assert path.is_file(), f"HIL_VECTORS is set and {path} is missing"
        return path

    return find


@pytest.fixture(scope="module")
def wycheproof_gcm(wycheproof: Callable[[str], Path]) -> Path:
    """Wycheproof's AES-GCM file."""
    return wycheproof("aes_gcm_test.json")


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


def by_function(kind: type[Question], file: VectorFile, bench: Bench) -> int:
    """Calls the function itself, with its outputs watched, for what a file's own run sends through the window."""
    cases = [case for case in file.cases if isinstance(case, AskedCase) and isinstance(case.question, kind)]
    cases = [case for case in cases if not executor_of(case).refusal(case)]
    for case in cases:
        bench.functions.begin()
        executor_of(case).run_function(case, bench.functions)
    return len(cases)


def test_gcm_decrypt_of_response_files(bench: Bench) -> None:
    assert by_function(GcmDecrypt, load(GCM_DECRYPT), bench) >= 375


def test_gcm_decrypt_of_wycheproof(wycheproof_gcm: Path, bench: Bench) -> None:
    assert by_function(GcmDecrypt, load(wycheproof_gcm), bench) >= 66


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


# ---- ML-KEM, ML-DSA ----

# Name of a file and the least number of cases by window and by function. Where only every n-th case runs without
# --full, n has no divisor in common with the number of cases of a record, so that each kind of case has its share.
KNOWN_ANSWERS = [
    *((f"MLKEM/kat_MLKEM_{number}.rsp", 0, 4000) for number in (512, 768, 1024)),
    *((f"MLDSA/kat_MLDSA_{number}_det_pure.rsp", 100, 200) for number in (44, 65, 87)),
]
KNOWN_ANSWERS_SAMPLE = {"MLKEM": 17, "MLDSA": 7}
WYCHEPROOF_KEM = [
    *((f"mlkem_{number}_test.json", 20, 153) for number in (512, 768, 1024)),
    *((f"mlkem_{number}_keygen_seed_test.json", 0, 100) for number in (512, 768, 1024)),
    *((f"mlkem_{number}_semi_expanded_decaps_test.json", 2, 5) for number in (512, 768, 1024)),
    ("mlkem_512_encaps_test.json", 128, 133),
    ("mlkem_768_encaps_test.json", 132, 133),
    ("mlkem_1024_encaps_test.json", 136, 133),
]
WYCHEPROOF_VERIFY = [
    ("mldsa_44_verify_test.json", 175, 5),
    ("mldsa_65_verify_test.json", 205, 5),
    ("mldsa_87_verify_test.json", 234, 5),
]
WYCHEPROOF_SIGN = [
    ("mldsa_44_sign_noseed_test.json", 0, 64),
    ("mldsa_65_sign_noseed_test.json", 0, 66),
    ("mldsa_87_sign_noseed_test.json", 0, 57),
    ("mldsa_44_sign_seed_test.json", 3, 75),
    ("mldsa_65_sign_seed_test.json", 3, 85),
    ("mldsa_87_sign_seed_test.json", 3, 76),
]
SIGN_SAMPLE = 3


def run_every(step: int, file: VectorFile, bench: Bench) -> FileResult:
    """Every `step`-th case, the first among them."""
    return run(replace(file, cases=file.cases[::step]), bench)


@pytest.mark.parametrize(("name", "window", "function"), KNOWN_ANSWERS)
def test_sampled_known_answers(name: str, window: int, function: int, bench: Bench) -> None:
    step = KNOWN_ANSWERS_SAMPLE[name.split("/")[0]]
    result = run_every(step, load(CAVP / "asymmetric" / name), bench)
    assert result.window >= window // step
    assert result.function >= function // step
    assert not result.unsupported


@pytest.mark.slow
@pytest.mark.parametrize(("name", "window", "function"), KNOWN_ANSWERS)
def test_all_known_answers(name: str, window: int, function: int, bench: Bench) -> None:
    result = run(load(CAVP / "asymmetric" / name), bench)
    assert (result.window, result.function) == (window, function)


@pytest.mark.parametrize(("name", "window", "function"), WYCHEPROOF_KEM + WYCHEPROOF_VERIFY)
def test_wycheproof_kem_and_verification(
    name: str, window: int, function: int, wycheproof: Callable[[str], Path], bench: Bench
) -> None:
    result = run(load(wycheproof(name)), bench)
    assert result.window >= window
    assert result.function >= function


@pytest.mark.parametrize(("name", "window", "function"), WYCHEPROOF_SIGN)
def test_sampled_wycheproof_signatures(
    name: str, window: int, function: int, wycheproof: Callable[[str], Path], bench: Bench
) -> None:
    result = run_every(SIGN_SAMPLE, load(wycheproof(name)), bench)
    assert result.window >= window // SIGN_SAMPLE
    assert result.function >= function // SIGN_SAMPLE - 2


@pytest.mark.slow
@pytest.mark.parametrize(("name", "window", "function"), WYCHEPROOF_SIGN)
def test_all_wycheproof_signatures(
    name: str, window: int, function: int, wycheproof: Callable[[str], Path], bench: Bench
) -> None:
    result = run(load(wycheproof(name)), bench)
    assert result.window >= window
    assert result.function >= function


@pytest.mark.parametrize(("name", "window", "function"), WYCHEPROOF_VERIFY)
def test_mldsa_verify_of_wycheproof(
    name: str, window: int, function: int, wycheproof: Callable[[str], Path], bench: Bench
) -> None:
    """Public keys of a wrong length are for the window alone: the function takes none."""
    file = load(wycheproof(name))
    lengths = {sizes.pk for sizes in SIZES.values()}
    cases = tuple(
        case
        for case in file.cases
        if isinstance(case, AskedCase) and isinstance(case.question, Verify) and len(case.question.pk) in lengths
    )
    assert by_function(Verify, replace(file, cases=cases), bench) >= window + function - 4


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
