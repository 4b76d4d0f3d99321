# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers an ACVP prompt as a validation server wants it: the results of a vector set, worked out by the firmware.

The same operations on the same routes as in a run of vectors; who judges the answers is the server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.calls import CallError, CallStopped
from harness.targets.base import TargetStopped
from harness.targets.emulated import describe
from harness.targets.names import DEFAULT_BOARD
from harness.vectors.acvp import Identity
from harness.vectors.acvp_format import PromptTest
from harness.vectors.error import VectorError
from harness.vectors.loader import Prompt, load_prompt, naming
from harness.vectors.questions import Answer, Outputs, Refused, ask
from harness.vectors.registry import operation_of
from harness.vectors.routes import Bench, CaseFailed
from harness.vectors.runner import Progress, no_progress

# Of the protocol whose messages these are (draft-fussell-acvp-spec); each is a list that begins with it.
_ACVP_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class ResponseResult:
    """All answers to one prompt; `window` and `function` count the tests by route."""

    prompt: Path
    algorithm: str
    window: int
    function: int
    document: list[dict[str, Any]] = field(repr=False)

    def encode(self) -> bytes:
        """The response file."""
        return (json.dumps(self.document, indent=2) + "\n").encode("ascii")

    def as_json(self) -> dict[str, object]:
        """The shape that `hil vectors --respond --json` promises."""
        return {
            "prompt": str(self.prompt),
            "algorithm": self.algorithm,
            "window": self.window,
            "function": self.function,
        }


def respond(
    path: Path, firmware: Path | None = None, board: str = DEFAULT_BOARD, progress: Progress = no_progress
) -> ResponseResult:
    """Answers every test of the prompt on `firmware`, which defaults to the release build.

    Raises VectorError for a file that is no prompt and for a test that the service does not offer or has no answer to,
    as half a response is worth nothing; TargetError or EmulatorError when the image or the board cannot be used.
    """
    prompt = load_prompt(path)
    with naming(path):
        _expect_offered(prompt)
        with Bench(firmware, board) as bench:
            return _answered(path, prompt, bench, progress)


def _expect_offered(prompt: Prompt) -> None:
    for test in prompt.tests:
        reason = operation_of(test.question).refusal(test.question)
        if reason:
            raise VectorError(f"tcId {test.test} asks for what is not offered: {reason}; register without it")


def _answered(path: Path, prompt: Prompt, bench: Bench, progress: Progress) -> ResponseResult:
    groups: dict[int, list[dict[str, Any]]] = {}
    routes = {True: 0, False: 0}
    for done, test in enumerate(prompt.tests, start=1):
        answer, through_window = _answer(test, bench)
        routes[through_window] += 1
        groups.setdefault(test.group, []).append({"tcId": test.test, **_fields(test, answer)})
        progress(done, len(prompt.tests))
    body = {**_head(prompt.identity), "testGroups": [{"tgId": i, "tests": tests} for i, tests in groups.items()]}
    document = [{"acvVersion": _ACVP_VERSION}, body]
    return ResponseResult(path, prompt.algorithm, routes[True], routes[False], document)


def _head(identity: Identity) -> dict[str, Any]:
    mode = {"mode": identity.mode} if identity.mode else {}
    return {
        "vsId": identity.vector_set,
        "algorithm": identity.algorithm,
        **mode,
        "revision": identity.revision,
    }


def _answer(test: PromptTest, bench: Bench) -> tuple[Answer, bool]:
    try:
        return ask(operation_of(test.question), test.question, bench.service, bench.functions)
    except CallStopped as error:
        text = f"the call did not return: {describe(error.stop)}"
    except (CallError, CaseFailed, TargetStopped) as error:
        text = str(error)
    raise VectorError(f"tcId {test.test} has no answer: {text}")


def _fields(test: PromptTest, answer: Answer) -> Mapping[str, object]:
    if isinstance(answer, Outputs):
        return {name: value.hex().upper() for name, value in answer.values}
    if test.question.REFUSABLE:
        return {"testPassed": not isinstance(answer, Refused)}
    raise VectorError(f"tcId {test.test} has no answer: the firmware refused it, and ACVP has no word for that here")
