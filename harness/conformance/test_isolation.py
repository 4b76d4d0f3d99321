# SPDX-License-Identifier: GPL-2.0-or-later
"""Isolation (ISO-1 to ISO-3): the service beside a gateway that tries everything, and a gateway beside such a service.

Each attempt is a reported fault of the task that made it, and of that task alone: the service that is judged answers
meanwhile, and afterwards, what the model predicts bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.l4.scheduler import FaultReport, Signal
from emulator.l4.system import System
from emulator.sanitizer import is_sanitized
from emulator.stop import Fault, LimitReached
from harness.conformance.dut import ContractViolation, Dut, Totals
from harness.conformance.isolation import (
    KINDS,
    Attempt,
    attempts,
    check_report,
    functions,
    gateway_image,
    holds_word,
    hostile_image,
    judged,
)
from harness.conformance.isolation_tables import GATEWAY, JUDGED_BOARDS, PAGE, SERVICE, Place, tables
from harness.conformance.plugin import RecordCoverage, board_of
from harness.conformance.support import CHEAPEST, granted, noise, nonce_number, seal_outside
from harness.default_keys import AES_KEY_ID, SECOND_AES_KEY_ID
from harness.protocol.commands import Status
from harness.targets.base import Target
from harness.targets.host_port import HostPort, Result
from harness.targets.names import DEFAULT_BOARD
from harness.targets.tasks import TURN_BUDGET, Attack, TasksTarget

_AES_ENCRYPT = 0x01
# What does nothing, and returns.
_TWO_INSTRUCTIONS = {"thumb": bytes.fromhex("00007047"), "arm": bytes.fromhex("0000a0e11eff2fe1")}
_ECHO = b"\x01\0\0\0\0\0echo"  # key 1, no aad


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A case for each attempt on the judged board; where there are no tables for it, the cases are skipped."""
    if "attempt" in metafunc.fixturenames:
        board = board_of(metafunc.config)
        task = GATEWAY if "besieged" in metafunc.fixturenames else SERVICE
        metafunc.parametrize("attempt", attempts(task, board if board in JUDGED_BOARDS else DEFAULT_BOARD), ids=str)


# ---- the two systems ----


class Besieged:
    """The judged service, compared with the model, beside a hostile gateway."""

    def __init__(self, target: TasksTarget, totals: Totals) -> None:
        self.target = target
        self.dut = Dut(target, totals)
        self.service = target.system.tasks[SERVICE]
        self.gateway = target.system.tasks[GATEWAY]

    def again(self) -> None:
        """A gateway that has just started; the service goes on as it is, anew only where it does not serve."""
        self.target.restart(GATEWAY)
        try:
            self.dut.exchange(CHEAPEST)
        except ContractViolation:
            self.target.restart(SERVICE)
            self.dut.boot()

    def serve(self) -> None:
        """Both directions of AES under both keys, as the model says."""
        for key_id in (AES_KEY_ID, SECOND_AES_KEY_ID):
            nonce, ciphertext, tag = self.dut.seal(key_id, noise(33), b"aad")
            assert granted(self.dut.aes_decrypt(key_id, nonce, ciphertext, tag, b"aad")) == noise(33)

    def attack(self, attack: Attack, address: int = 0) -> FaultReport:
        """One attack, while the service has a request: one report, of the gateway, and the service has answered."""
        self.target.order(attack, address)
        assert self.dut.aes_encrypt(AES_KEY_ID, b"meanwhile").status is Status.SUCCESS
        assert self.target.orders_done == 0, "what was tried was not refused"
        (report,) = self.target.reports
        assert report.task == GATEWAY
        return report

    def check_only_the_gateway_is_stopped(self) -> None:
        """And it stays so."""
        self.serve()
        assert (self.service.state, self.gateway.state, len(self.target.reports)) == ("idle", "faulted", 1)


@pytest.fixture(scope="module")
def _besieged(bench_target: Target, bench_totals: Totals, record_coverage: RecordCoverage) -> Iterator[Besieged]:
    target = judged(bench_target)
    tasks = TasksTarget(target.board, target.image, hostile_image(target.board, GATEWAY))
    with record_coverage(tasks.system.tasks[SERVICE]):
        yield Besieged(tasks, bench_totals)
    tasks.close()


@pytest.fixture
def besieged(_besieged: Besieged) -> Besieged:
    """The judged service at work, beside a hostile gateway that waits for orders."""
    _besieged.again()
    return _besieged


class Betrayed:
    """The real gateway, with the host behind its port, beside a hostile service."""

    def __init__(self, target: TasksTarget) -> None:
        self.target = target
        self.service = target.system.tasks[SERVICE]
        self.gateway = target.system.tasks[GATEWAY]
        _, region = target.board.with_gateway()
        self.port = HostPort(target.system.view(region.base, region.size))

    def again(self) -> None:
        """A service that has just started; the gateway goes on as it is, anew only where it does not serve."""
        self.target.restart(SERVICE)
        if self.gateway.state != "idle":
            self.target.boot(bytes(48), b"")
        assert self.ask() is Result.REFUSED, "a service that does nothing but refuse is all there is"

    def ask(self) -> Result:
        """Have the gateway ask the service for an encryption."""
        self.port.post(_AES_ENCRYPT, _ECHO)
        self.target.run()
        assert self.port.done, "the gateway has not done its job"
        return Result(self.port.take().result)

    def attack(self, attack: Attack, address: int = 0) -> FaultReport:
        """One attack, while the gateway waits for an answer: one report, of the service; the gateway gives it up."""
        self.target.order(attack, address)
        assert self.ask() is Result.NO_ANSWER
        assert self.target.orders_done == 0, "what was tried was not refused"
        (report,) = self.target.reports
        assert report.task == SERVICE
        return report

    def check_only_the_service_is_stopped(self) -> None:
        """And it stays so, while the gateway does what jobs it can."""
        assert self.ask() is Result.NO_ANSWER
        self.port.post(0x7F, b"")
        self.target.run()
        assert Result(self.port.take().result) is Result.BAD_ARGUMENT
        assert (self.service.state, self.gateway.state, len(self.target.reports)) == ("faulted", "idle", 1)


@pytest.fixture(scope="module")
def _betrayed(bench_target: Target) -> Iterator[Betrayed]:
    board = judged(bench_target).board
    host = Signal(GATEWAY, board.with_gateway()[1].base)
    tasks = TasksTarget(board, hostile_image(board, SERVICE), gateway_image(board), (host,))
    tasks.boot(bytes(48), b"")
    yield Betrayed(tasks)
    tasks.close()


@pytest.fixture
def betrayed(_betrayed: Betrayed) -> Betrayed:
    """The real gateway at work, beside a hostile service that waits for orders."""
    _betrayed.again()
    return _betrayed


# ---- ISO-1: the tasks, and what is between them ----


@pytest.fixture
def system(besieged: Besieged) -> System:
    return besieged.target.system


def _granted(system: System, task: str) -> dict[str, Place]:
    return {grant.name: Place(grant.base, grant.end, grant.access) for grant in system.tasks[task].grants}


@pytest.mark.clause("ISO-1")
def test_the_tasks_are_service_and_gateway(system: System) -> None:
    """The loader has the part of Sigma0 and Moe: it owns all memory and runs no code of its own."""
    assert set(system.tasks) == {SERVICE, GATEWAY}
    assert [task.name for task in system.board.tasks] == [SERVICE, GATEWAY]


@pytest.mark.clause("ISO-1")
def test_iso_1_there_is_nothing_between_the_tasks_but_the_window(system: System) -> None:
    """Of all that both may touch, by address, the kernel page can be written by neither: the window alone is left."""
    service, gateway = (system.tasks[name].grants for name in (SERVICE, GATEWAY))
    both = [(mine, yours) for mine in service for yours in gateway if mine.overlaps(yours)]
    assert {mine.name for mine, _ in both} == {"window", "kernel page"}
    writable = {mine.name for mine, yours in both if mine.writable or yours.writable}
    assert writable == {"window"}


@pytest.mark.clause("ISO-1")
def test_dataspaces_do_not_share_memory(system: System) -> None:
    """Different addresses are different bytes: what is written to one dataspace is in no other."""
    spaces = [space for space in system.moe.dataspaces if not space.region.executable]
    kept = [bytes(space.memory[:8]) for space in spaces]
    try:
        for number, space in enumerate(spaces):
            space.memory[:8] = number.to_bytes(8, "little")
        assert [int.from_bytes(space.memory[:8], "little") for space in spaces] == list(range(len(spaces)))
    finally:
        for space, before in zip(spaces, kept, strict=True):
            space.memory[:8] = before


# ---- ISO-2: the address spaces ----


@pytest.mark.clause("ISO-2")
@pytest.mark.parametrize("task", [SERVICE, GATEWAY])
def test_a_task_is_granted_what_the_contract_names(system: System, task: str) -> None:
    sanitized = task == SERVICE and is_sanitized(system.tasks[task].image)
    allowed = tables(system.board.name)
    assert _granted(system, task) == {**allowed.grants[task], **(allowed.shadow if sanitized else {})}


@pytest.mark.clause("ISO-2")
@pytest.mark.parametrize("task", [SERVICE, GATEWAY])
def test_nothing_is_writable_and_executable(system: System, task: str) -> None:
    grants = system.tasks[task].grants
    assert not [grant.name for grant in grants if grant.writable and grant.executable]
    sections = [section for section in system.tasks[task].image.sections if section.allocated]
    text = [section.name for section in sections if section.name == ".text"]
    assert text == [".text"]
    for section in sections:
        place = next(grant for grant in grants if grant.contains(section.address, max(section.size, 1)))
        assert place.executable == (section.name in (".text", ".rodata")), section.name


@pytest.mark.clause("ISO-2")
@pytest.mark.parametrize("task", [SERVICE, GATEWAY])
def test_nobody_owns_the_pages_round_a_stack(system: System, task: str) -> None:
    """By the marks of the image's own linker script, whatever the board says."""
    bottom, top = (system.tasks[task].image.symbols[name].address for name in ("__stack_bottom", "__stack_top"))
    for guard in (bottom - PAGE, top):
        owners = [
            (name, grant.name)
            for name, owner in system.tasks.items()
            for grant in owner.grants
            if grant.base < guard + PAGE and guard < grant.end
        ]
        assert owners == []


# ---- ISO-3: each attempt, by the gateway and by the service ----


@pytest.mark.clause("ISO-2", "ISO-3", "IPC-6")
def test_what_the_gateway_may_not_do_stops_the_gateway(besieged: Besieged, attempt: Attempt) -> None:
    before = holds_word(besieged.service, attempt.address)
    report = besieged.attack(attempt.attack, attempt.address)
    check_report(report, besieged.gateway, attempt)
    if attempt.attack is Attack.WRITE and attempt.place in ("code", "entropy page", "key storage"):
        assert holds_word(besieged.service, attempt.address) == before
    besieged.check_only_the_gateway_is_stopped()


@pytest.mark.clause("ISO-2", "ISO-3")
def test_what_a_service_may_not_do_stops_the_service(betrayed: Betrayed, attempt: Attempt) -> None:
    report = betrayed.attack(attempt.attack, attempt.address)
    check_report(report, betrayed.service, attempt)
    betrayed.check_only_the_service_is_stopped()


@pytest.mark.parametrize("board", JUDGED_BOARDS)
def test_the_attempts_cover_what_the_contract_names(board: str) -> None:
    """A slip in the tables must not pass as a success."""
    by_gateway, by_service = attempts(GATEWAY, board), attempts(SERVICE, board)
    gateway = {(attempt.place, attempt.attack) for attempt in by_gateway}
    service = {(attempt.place, attempt.attack) for attempt in by_service}
    for place in ("stack", "data", "bulk", "filters", "code", "entropy page", "key storage", "below the window"):
        assert {(place, attack) for attack in KINDS} <= gateway
    for place in ("gateway stack", "gateway data", "gateway bulk", "gateway code", "host port", "above the window"):
        assert {(place, attack) for attack in KINDS} <= service
    assert {("kernel page", Attack.WRITE), ("gateway code", Attack.WRITE), ("window", Attack.EXECUTE)} <= gateway
    assert {("key storage", Attack.WRITE), ("code", Attack.WRITE), ("data", Attack.EXECUTE)} <= service
    null = "code" if Attempt("code", Attack.WRITE, 0) in by_service else "null"
    assert Attempt(null, Attack.READ, 0) in by_gateway
    assert Attempt(null, Attack.WRITE, 0) in by_service
    for guard in ("guard below the stack", "guard above the stack"):
        assert {(guard, attack) for attack in KINDS} <= gateway & service


# ---- ISO-3: what has no address of its own ----


@pytest.mark.clause("ISO-2", "ISO-3")
@pytest.mark.parametrize("name", ["attack", "constant"])
def test_own_text_and_constants_cannot_be_written(besieged: Besieged, betrayed: Betrayed, name: str) -> None:
    for side, task in ((besieged, besieged.gateway), (betrayed, betrayed.service)):
        address = task.image.symbols[name].address
        before = task.read(address, 4)
        check_report(side.attack(Attack.WRITE, address), task, Attempt(name, Attack.WRITE, address))
        assert task.read(address, 4) == before


@pytest.mark.clause("ISO-2", "ISO-3")
def test_code_that_was_put_into_data_does_not_run(besieged: Besieged, betrayed: Betrayed) -> None:
    sound = _TWO_INSTRUCTIONS[besieged.service.cpu.state]
    for side, task in ((besieged, besieged.gateway), (betrayed, betrayed.service)):
        address = task.image.symbols["payload"].address
        assert task.read(address, len(sound)) == sound
        check_report(side.attack(Attack.EXECUTE, address), task, Attempt("payload", Attack.EXECUTE, address))


@pytest.mark.clause("ISO-2", "ISO-3")
@pytest.mark.parametrize("attack", [Attack.READ, Attack.WRITE])
def test_an_access_across_the_windows_end_is_refused_there(besieged: Besieged, attack: Attack) -> None:
    end = tables(besieged.target.board.name).grants[GATEWAY]["window"].end
    stop = besieged.attack(attack, end - 2).stop
    assert isinstance(stop, Fault)
    aligned_only = besieged.target.board.processor.traps_unaligned
    expected = ("unaligned access", end - 2) if aligned_only else (KINDS[attack], end)
    assert (stop.kind, stop.address) == expected
    besieged.check_only_the_gateway_is_stopped()


@pytest.mark.clause("ISO-2", "ISO-3", "IPC-6")
def test_a_stack_that_overflows_ends_in_its_guard_page(besieged: Besieged, betrayed: Betrayed) -> None:
    for side, task in ((besieged, besieged.gateway), (betrayed, betrayed.service)):
        stop = side.attack(Attack.OVERFLOW).stop
        bottom = task.image.symbols["__stack_bottom"].address
        assert isinstance(stop, Fault)
        assert stop.kind == "write not granted"
        assert stop.address is not None
        assert bottom - PAGE <= stop.address < bottom
        assert set(functions(stop)) >= {"overflow_stack"}
    besieged.check_only_the_gateway_is_stopped()
    betrayed.check_only_the_service_is_stopped()


@pytest.mark.clause("ISO-3", "IPC-6")
def test_a_task_that_never_waits_is_stopped(besieged: Besieged, betrayed: Betrayed) -> None:
    for side in (besieged, betrayed):
        stop = side.attack(Attack.SPIN).stop
        assert isinstance(stop, LimitReached)
        assert stop.budget == TURN_BUDGET
        assert stop.call_chain[0].startswith("spin")
    besieged.check_only_the_gateway_is_stopped()
    betrayed.check_only_the_service_is_stopped()


@pytest.mark.clause("ISO-3", "IPC-6")
def test_an_undefined_instruction_stops_its_task(besieged: Besieged, betrayed: Betrayed) -> None:
    for side in (besieged, betrayed):
        stop = side.attack(Attack.UNDEFINED).stop
        assert isinstance(stop, Fault)
        assert stop.kind == "undefined instruction"
        assert functions(stop)[0] == "attack"
    besieged.check_only_the_gateway_is_stopped()
    betrayed.check_only_the_service_is_stopped()


@pytest.mark.clause("ISO-3", "IPC-6")
def test_the_service_keeps_its_state_over_a_clients_fault(besieged: Besieged) -> None:
    """Tracker, generator and keys are what they were: a nonce that was used before the fault is used after it."""
    dut = besieged.dut
    nonce = nonce_number(int.from_bytes(dut.seal(AES_KEY_ID)[0][:4], "little"))
    ciphertext, tag = seal_outside(AES_KEY_ID, nonce, b"once")
    assert granted(dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag)) == b"once"
    besieged.attack(Attack.WRITE, tables(besieged.target.board.name).grants[SERVICE]["filters"].start)
    assert dut.aes_decrypt(AES_KEY_ID, nonce, ciphertext, tag).status is Status.NONCE_REUSE
    besieged.check_only_the_gateway_is_stopped()


@pytest.mark.clause("ISO-3")
def test_what_is_granted_is_no_fault(besieged: Besieged) -> None:
    """The other side of it all: what a gateway may read and write, it can, and the service is not troubled."""
    for name, place in tables(besieged.target.board.name).grants[GATEWAY].items():
        for address in (place.start + 0x40, place.end - 4):
            for attack, letter in ((Attack.READ, "r"), (Attack.WRITE, "w")):
                if letter in place.access and not (attack is Attack.WRITE and "stack" in name):
                    besieged.target.restart(GATEWAY)
                    besieged.target.order(attack, address)
                    besieged.serve()
                    assert besieged.target.orders_done == 1, f"{attack.name} {name} {address:#010x}"
    assert besieged.target.reports == []
