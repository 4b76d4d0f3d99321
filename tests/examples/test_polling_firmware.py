# SPDX-License-Identifier: GPL-2.0-or-later
"""The second firmware, which shares neither layout, start-up code, core nor way of waiting with the service's.

`hil conform --board examples/polling_firmware/polling.toml` judges all of it; here are the clauses that touch what is
its own, and the machine's side of waiting without a WFI.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.coverage import CoverageRecorder
from emulator.image import load_image
from harness.conformance.runner import ConformanceOptions, run_conformance
from harness.default_keys import ENTROPY, default_keys
from harness.fuzz.executor import Executor
from harness.protocol.codec import aes_encrypt
from harness.protocol.commands import Status
from harness.targets.base import TargetStopped
from harness.targets.emulated import EmulatedTarget

FOLDER = Path(__file__).parents[2] / "examples" / "polling_firmware"
BOARD = str(FOLDER / "polling.toml")
ELF = FOLDER / "build" / "polling.elf"

KEYS = default_keys().build()


@pytest.fixture
def polling() -> Iterator[EmulatedTarget]:
    target = EmulatedTarget(ELF, BOARD)
    yield target
    target.close()


def test_clauses_are_passed_or_skipped_with_the_reason() -> None:
    clauses = ("IPC-1", "IPC-2", "IPC-3", "IPC-5", "AES-1", "RNG-3", "BLD-1", "FIPS-1", "ISO-2", "CLI-1")
    run = run_conformance(ConformanceOptions(firmware=ELF, board=BOARD, clauses=clauses, secrets=False))
    outcomes = {clause.id: (clause.outcome, clause.detail) for clause in run.clauses}
    assert [name for name in clauses if outcomes[name][0] == "passed"] == list(clauses[:6])
    assert outcomes["CLI-1"] == ("skipped", "board polling has no gateway, which the client side needs")
    assert outcomes["ISO-2"][1] == "there are no tables of isolation for board polling"
    assert outcomes["BLD-1"][1].startswith("no release image beside this one")
    assert outcomes["FIPS-1"][1].startswith("no fips image beside this one")


def test_it_waits_before_it_looks_again(polling: EmulatedTarget) -> None:
    polling.boot(ENTROPY, KEYS)
    assert polling.image.symbols["poll_mailbox"].address == polling.machine.cpu.registers().pc
    looks = []
    for _ in range(3):
        polling.run(1000)
        looks.append(polling.last_instructions)
    assert looks[0] == looks[1] == looks[2]
    assert 0 < looks[0] < 20, "one round of the loop"
    assert polling.exchange(aes_encrypt(1, b"", b"")).status is Status.SUCCESS
    assert polling.image.symbols["poll_mailbox"].address == polling.machine.cpu.registers().pc


def test_a_place_that_it_never_comes_to_is_a_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.targets.emulated.BOOT_BUDGET", 10_000_000)
    board = tmp_path / "wrong.toml"
    board.write_text((FOLDER / "polling.toml").read_text().replace('"poll_mailbox"', '"ipc_serve"'))
    target = EmulatedTarget(ELF, str(board))
    with pytest.raises(
        TargetStopped, match=r"does not come up: not idle after .* never came to 0x.* board wrong has it"
    ):
        target.boot(ENTROPY, KEYS)
    target.close()


def test_coverage_counts_whole_rounds(polling: EmulatedTarget) -> None:
    recorder = CoverageRecorder()
    polling.boot(ENTROPY, KEYS)
    with recorder.watch(polling.machine.task):
        for _ in range(5):
            polling.run(1000)
    place = polling.image.symbols["poll_mailbox"].address
    edges = recorder.data(polling.image).edges
    assert [times for edge, times in edges.items() if edge.to == place] == [5]
    assert [times for edge, times in edges.items() if edge.start == place] == [5]


def test_scripts_of_the_fuzzer_run_on_it(polling: EmulatedTarget) -> None:
    executor = Executor(polling)
    try:
        for number in range(64):
            executor.run(bytes([number]) * number)
        assert executor.exchanges is not None
    finally:
        executor.close()


def test_its_image_has_nothing_of_the_services_layout(firmware: Path) -> None:
    theirs, ours = load_image(firmware, None), load_image(ELF, None)
    assert not {part.virtual_address for part in theirs.segments} & {part.virtual_address for part in ours.segments}
    layout = {name for name in theirs.symbols if name.startswith("__")} | {"reset", "idle_until_request", "vectors"}
    assert not layout & set(ours.symbols)
