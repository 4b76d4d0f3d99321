# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds (BLD-1): each says what it is, and the release build is the fast one, in exact instruction counts."""

from __future__ import annotations

import pytest

from harness.conformance.builds import opened
from harness.conformance.dut import Dut
from harness.conformance.plugin import totals_of
from harness.conformance.support import granted
from harness.default_keys import AES_KEY_ID, MLDSA_KEY_IDS, MLKEM_KEY_IDS
from harness.protocol import codec
from harness.protocol.codec import Response
from harness.targets.base import Target

_BUILDS = ("release", "debug", "fips")
_SECRET = 32


class Meter:
    """A device that notes what each request costs."""

    def __init__(self, dut: Dut) -> None:
        self._dut = dut
        self.counts = {"boot": dut.emulated.instructions}

    def ask(self, name: str, request: bytes) -> bytes:
        """The payload of the answer, which has to be SUCCESS."""
        response: Response = self._dut.exchange(request)
        payload = granted(response)
        self.counts[name] = self._dut.emulated.last_instructions
        return payload


def _counts(judged: Target, build: str, config: pytest.Config) -> dict[str, int]:
    """Guest instructions of boot and of each operation, on the image of `build`; the requests are the same for all."""
    with opened(judged, build) as target:
        meter = Meter(Dut(target, totals_of(config)))
        for size in (0, 16, 4096):
            sealed = meter.ask(f"encrypt {size}", codec.aes_encrypt(AES_KEY_ID, b"aad", bytes(size)))
            parts = sealed[:12], b"aad", sealed[12:-16], sealed[-16:]
            meter.ask(f"decrypt {size}", codec.aes_decrypt(AES_KEY_ID, *parts))
        for number, key_id in MLKEM_KEY_IDS.items():
            made = meter.ask(f"keygen {number}", codec.mlkem_keygen(key_id))
            sent = meter.ask(f"encaps {number}", codec.mlkem_encaps(made))
            secret = meter.ask(f"decaps {number}", codec.mlkem_decaps(key_id, sent[:-_SECRET]))
            assert secret == sent[-_SECRET:]
        for number, key_id in MLDSA_KEY_IDS.items():
            for turn in ("first", "next"):
                signature = meter.ask(f"sign {number} {turn}", codec.mldsa_sign(key_id, b"", b"message"))
            meter.ask(f"verify {number}", codec.mldsa_verify(key_id, b"", signature, b"message"))
        return meter.counts


@pytest.mark.clause("BLD-1")
@pytest.mark.parametrize("build", _BUILDS)
def test_an_image_says_which_build_it_is(bench_target: Target, build: str) -> None:
    """In a constant, for whoever has the file, and on the UART at boot."""
    with opened(bench_target, build) as target:
        assert target.build_kind == build
        target.boot(bytes(range(48)), b"")
        banner = target.machine.uart.text().splitlines()[0]
        assert banner.split()[-1] == build


@pytest.mark.clause("BLD-1")
def test_bld_1_release_is_faster_than_debug_in_every_operation(
    bench_target: Target, request: pytest.FixtureRequest
) -> None:
    release, debug = (_counts(bench_target, build, request.config) for build in ("release", "debug"))
    assert release.keys() == debug.keys()
    slower = {name: (count, debug[name]) for name, count in release.items() if count >= debug[name]}
    assert not slower, f"not slower in the debug build (release, debug): {slower}"


@pytest.mark.clause("BLD-1")
def test_self_tests_cost_at_boot_and_with_each_new_key(bench_target: Target, request: pytest.FixtureRequest) -> None:
    """What they cost is paid there, and by no build but the FIPS build; no operation is faster than in release."""
    release, fips = (_counts(bench_target, build, request.config) for build in ("release", "fips"))
    faster = {name: (count, fips[name]) for name, count in release.items() if count > fips[name]}
    assert not faster, f"faster in the FIPS build (release, fips): {faster}"
    tested = {"boot"} | {name for name in release if name.startswith("keygen") or name.endswith("first")}
    for name, count in release.items():
        if name in tested:
            assert fips[name] > 1.5 * count, f"{name}: {fips[name]} with self-tests, {count} without"
        else:
            assert fips[name] < 1.01 * count, f"{name}: {fips[name]} in the FIPS build, {count} in release"
