# SPDX-License-Identifier: GPL-2.0-or-later
"""Every run of an emulated target watched for what it does with secrets and with the window (SEC-1, IPC-4).

`Watch` takes the place of the target's `run`. Before each run it takes a checkpoint; behind it, it looks at what was
read and what has stayed, and repeats the run with hooks only where it finds something. The machine always ends in the
state that the one plain run leads to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from emulator.stop import IDLE, Stop
from harness.analysis.finding import Finding, FindingKind
from harness.analysis.replay import last_writer
from harness.analysis.residue import KEPT, Hit, ResidueSearch
from harness.analysis.single_fetch import FetchWatch
from harness.analysis.uninitialised import FilledRun
from harness.model.secrets import Place, SecretsInPlay
from harness.protocol import commands as table
from harness.targets.emulated import EmulatedTarget

_PIECE = 8  # bytes of a secret by which it was found

# One defect shows in many requests; whoever has seen this many findings need not see more.
FINDINGS_MAX = 40


class Watch:
    """The watched target; `findings` grows, each finding once.

    `in_play` is what the model says of the running request; without it, memory is not searched. One watch a target.
    """

    def __init__(self, target: EmulatedTarget, kept: Mapping[Place, Sequence[str]] = KEPT) -> None:
        self._target = target
        self._machine = target.machine
        self._residue = ResidueSearch(target, kept)
        self._fetches = FetchWatch(target)
        self._filled = FilledRun(target, chain.from_iterable(kept.values()))
        self._window = self._machine.view(target.board.window.base, target.board.window.size)
        self._seen: set[tuple[str, ...]] = set()
        self.in_play: SecretsInPlay | None = None
        self.findings: list[Finding] = []
        target.run = self.run

    def close(self) -> None:
        """The target runs unwatched again."""
        self._machine.cpu.arm_watch(False)
        self._machine.cpu.end_checkpoint()
        self._target.run = self._machine.run

    def run(self, budget: int) -> Stop:
        """Machine.run, watched. A run that does not end idle is not judged: that is a finding of its own."""
        cpu = self._machine.cpu
        self._fetches.arm()
        cpu.checkpoint()
        filled_stop, filled_response = self._filled.run(budget)
        cpu.rollback()
        self._fetches.arm()
        stop = self._machine.run(budget)
        if stop is IDLE:
            self._judge_fetches(budget)
            self._judge_residue(budget)
            if filled_stop is not IDLE or filled_response != self._filled.response():
                self._judge_filled(budget, filled_stop)
        return stop

    def judge_boot(self) -> None:
        """The service has come up, and no request has run: what has the start left?"""
        self._judge_residue(0)

    def _again(self, budget: int) -> None:
        """The plain run once more, as the state behind it is what the next request finds."""
        self._machine.cpu.rollback()
        self._machine.run(budget)

    def _judge_fetches(self, budget: int) -> None:
        for event in self._fetches.events():
            place = self._fetches.place(event)
            if self._is_new("fetch", place, self._request()):
                request = self._request()
                what = self._fetches.explain(event, budget)
                self._again(budget)
                kind: FindingKind = "response read" if event.forbidden else "second fetch"
                self.findings.append(Finding("IPC-4", kind, what, request))

    def _judge_residue(self, budget: int) -> None:
        if self.in_play is None:
            return
        for hit in self._residue.search(self.in_play.secrets):
            if self._is_new("residue", hit.secret, hit.owner):
                request = self._request() if budget else "boot"
                self.findings.append(Finding("SEC-1", "residue", self._tell(hit, budget), request))

    def _tell(self, hit: Hit, budget: int) -> str:
        what = f"{hit.secret} stays in {hit.where}"
        if hit.address is None or not budget:
            return what
        writer = last_writer(self._machine, budget, hit.address, _PIECE)
        by = self._machine.symbols.describe(writer) if writer is not None else "an earlier request"
        return f"{what}, written by {by}"

    def _judge_filled(self, budget: int, stop: Stop) -> None:
        if not self._is_new("uninitialised", self._request()):
            return
        request, expected = self._request(), self._filled.response()
        if stop is IDLE:
            what = "the response depends on memory that was not written before: "
        else:
            what = f"with other contents of unwritten memory the service stops ({stop}): "
        self._machine.cpu.arm_watch(False)
        what += self._filled.culprits(budget, expected)
        self._again(budget)
        self.findings.append(Finding("SEC-1", "uninitialised memory", what, request))

    def _is_new(self, *key: str) -> bool:
        if key in self._seen or len(self.findings) >= FINDINGS_MAX:
            return False
        self._seen.add(key)
        return True

    def _request(self) -> str:
        """The request in the window, in a few words."""
        header = bytes(self._window[table.WINDOW_REQUEST : table.WINDOW_REQUEST + table.HEADER_SIZE])
        command = table.BY_CODE.get(header[2])
        return (
            f"{command.name if command else f'type {header[2]:#04x}'} of {int.from_bytes(header[4:], 'little')} bytes"
        )
