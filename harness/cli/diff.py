# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil diff`: random requests to two targets."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.common import board_option, console, firmware_option, json_option, progress_bar, write_json
from harness.cli.errors import FINDINGS
from harness.default_keys import ENTROPY, default_keys
from harness.differential.actions import Start
from harness.differential.generator import Generator
from harness.differential.refused import RefusedRequests
from harness.differential.session import DiffResult, run_diff
from harness.lockstep.scene import Scene, first_difference
from harness.lockstep.verdict import LockStep, lock_step_named
from harness.protocol.commands import AREA_SIZE
from harness.targets.base import TargetError
from harness.targets.opening import open_target


@click.command()
@click.option("--count", type=click.IntRange(min=1), default=10_000, show_default=True, help="requests to send")
@click.option("--seed", type=int, default=1, show_default=True, help="the same seed sends the same requests")
@click.option("--target", default="emulated", show_default=True, help="what is judged")
@click.option("--against", default="model", show_default=True, help="the reference")
@click.option("--refused", is_flag=True, help="only requests that the checks of the header refuse")
@click.option("--lock-step", is_flag=True, help="step two engines through the first difference; name the instruction")
@click.option("--request", metavar="HEX", help="lock-step this request, behind a boot with the default keys; no others")
@firmware_option
@board_option
@json_option
def diff(
    count: int,
    seed: int,
    target: str,
    against: str,
    refused: bool,
    lock_step: bool,
    request: str | None,
    firmware: Path | None,
    board: str,
    json_path: str | None,
) -> None:
    """Send random valid and malformed request sequences to two targets and compare every answer.

    With --lock-step, two engines go through the first difference instruction by instruction: both targets, or the one
    that is an engine and another. The report names the first instruction behind which they are no longer the same.
    """
    if request is not None:
        stepped = lock_step_named(target, against, firmware, board, _scene(request))
        _print_lock_step(stepped, json_path)
        write_json(json_path, stepped.as_json())
        sys.exit(0 if stepped.verdict == "no difference" else FINDINGS)
    reference = open_target(against, firmware, board)
    judged = open_target(target, firmware, board)
    try:
        with progress_bar() as progress:
            task = progress.add_task(f"{target} against {against}", total=count)
            shown = lambda sent: progress.update(task, completed=sent)  # noqa: E731
            episodes = RefusedRequests if refused else Generator
            result = run_diff(reference, judged, count, seed, shown, episodes)
        first = result.first if lock_step else None
        scene = None if first is None else first_difference(reference, judged, first.start, first.actions)
    finally:
        reference.close()
        judged.close()
    if json_path != "-":
        _print_diff(result)
    value = result.as_json()
    if scene is not None:
        stepped = lock_step_named(target, against, firmware, board, scene)
        _print_lock_step(stepped, json_path)
        value["lock_step"] = stepped.as_json()
    write_json(json_path, value)
    sys.exit(FINDINGS if result.differences else 0)


def _scene(request: str) -> Scene:
    try:
        content = bytes.fromhex(request)
    except ValueError:
        raise TargetError("--request: give the bytes of the request area as hexadecimal digits") from None
    if len(content) > AREA_SIZE:
        raise TargetError(f"--request: {len(content)} bytes do not fit, the request area has {AREA_SIZE}")
    return Scene(Start(ENTROPY, default_keys().build()), (), content)


def _print_lock_step(result: LockStep, json_path: str | None) -> None:
    if json_path != "-":
        console.print(result.report(), highlight=False, markup=False, soft_wrap=True)


def _print_diff(result: DiffResult) -> None:
    console.print(f"{result.requests} requests, {result.differences} differences", highlight=False)
    if result.first is not None:
        console.print(f"first difference, shortened to {len(result.first.actions)} actions:", highlight=False)
        for action in result.first.actions:
            console.print(f"  {action}", highlight=False, markup=False)
        console.print(f"  {result.first.verdict}", highlight=False, markup=False)
