# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of test vectors -> cases. What a file is shows in its content; its name means nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.vectors.acvp import AcvpDocument, Identity, Role, is_acvp, parse_acvp
from harness.vectors.acvp_format import PromptTest, read_cases, read_prompt
from harness.vectors.case import Kind, Parsed, VectorFile
from harness.vectors.cavp import parse_cavp
from harness.vectors.error import VectorError
from harness.vectors.fields import parse_json
from harness.vectors.registry import acvp_format, read_cavp, read_wycheproof
from harness.vectors.wycheproof import is_wycheproof, parse_wycheproof

# The start of a JSON object, or of a list of objects; a .rsp file may begin with a bracket too.
_JSON = re.compile(r"\s*(?:\{|\[\s*[\[{\]])")
_SIZE_MAX = 1 << 30


@dataclass(frozen=True, slots=True)
class _AcvpFile:
    path: Path
    document: AcvpDocument


def load(path: Path) -> VectorFile:
    """The cases of one file that needs no other. VectorError as for `load_files`."""
    return load_files((path,))[0]


def load_files(paths: Sequence[Path]) -> tuple[VectorFile, ...]:
    """The cases of files of any kinds, in their order; an ACVP prompt and its expected results become one.

    Raises VectorError, whose message begins with the path, for a file that is given twice or cannot be read, is of no
    known kind or algorithm, is damaged in a way that its kind lets one see, or lacks its other half.
    """
    seen: set[Path] = set()
    loaded: list[VectorFile | _AcvpFile] = []
    for path in paths:
        if path.resolve() in seen:
            raise VectorError(f"{path}: given twice")
        seen.add(path.resolve())
        with naming(path):
            loaded.append(_load_one(path, _read(path)))
    return tuple(_paired(loaded))


@dataclass(frozen=True, slots=True)
class Prompt:
    """An ACVP prompt that has been read."""

    identity: Identity
    algorithm: str
    tests: tuple[PromptTest, ...]


def load_prompt(path: Path) -> Prompt:
    """The questions of an ACVP prompt. VectorError as for `load_files`, and for a file that is none."""
    with naming(path):
        text = _read(path)
        value = parse_json(text) if _JSON.match(text) else None
        if not is_acvp(value):
            raise VectorError("not an ACVP file, so there is nothing to respond to: give a prompt")
        document = parse_acvp(value)
        if document.role is not Role.PROMPT:
            raise VectorError("the answers are in this file: give the prompt of the same vector set")
        form = acvp_format(document.identity)
        return Prompt(document.identity, form.algorithm, read_prompt(document, form))


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Puts the path before the message of a VectorError."""
    try:
        yield
    except VectorError as error:
        raise VectorError(f"{path}: {error}") from None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_SIZE_MAX + 1)
    except OSError as error:
        raise VectorError(f"{error.strerror or error}") from None
    if len(content) > _SIZE_MAX:
        raise VectorError("over 1 GiB: no vector file is as long")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise VectorError(f"byte {error.start} is no text: not a CAVP, Wycheproof or ACVP file") from None
    if not text.strip():
        raise VectorError("the file is empty")
    return text


def _load_one(path: Path, text: str) -> VectorFile | _AcvpFile:
    if _JSON.match(text) is None:
        return _file(path, Kind.CAVP, read_cavp(parse_cavp(text)))
    value = parse_json(text)
    if is_wycheproof(value):
        return _file(path, Kind.WYCHEPROOF, read_wycheproof(parse_wycheproof(value)))
    if is_acvp(value):
        document = parse_acvp(value)
        form = acvp_format(document.identity)
        if document.role is Role.COMPLETE:
            return _file(path, Kind.ACVP, read_cases(document, form))
        return _AcvpFile(path, document)
    raise VectorError("JSON that has neither numberOfTests, as Wycheproof's files have, nor vsId, as ACVP's have")


def _file(path: Path, kind: Kind, parsed: Parsed, results: Path | None = None) -> VectorFile:
    return VectorFile(path, kind, parsed.algorithm, parsed.cases, results)


def _paired(loaded: Sequence[VectorFile | _AcvpFile]) -> Iterator[VectorFile]:
    """Prompts joined with their results; everything else as it is."""
    halves = [file for file in loaded if isinstance(file, _AcvpFile)]
    for file in loaded:
        if isinstance(file, VectorFile):
            yield file
            continue
        with naming(file.path):
            partner = _partner(file, halves)
            if file.document.role is Role.PROMPT:
                parsed = read_cases(file.document.joined(partner.document), acvp_format(file.document.identity))
                yield _file(file.path, Kind.ACVP, parsed, partner.path)


def _partner(file: _AcvpFile, halves: Sequence[_AcvpFile]) -> _AcvpFile:
    identity = file.document.identity
    same = [other for other in halves if other.document.identity == identity]
    prompts, results = (_with_role(same, role) for role in (Role.PROMPT, Role.RESULTS))
    if not results:
        raise VectorError(f"a prompt without answers: give the expected results for {identity} as well")
    if not prompts:
        raise VectorError(f"expected results without their questions: give the prompt for {identity} as well")
    if len(same) > 2:
        raise VectorError(f"{len(same)} files are halves of {identity}: give one prompt and its expected results")
    return results[0] if file.document.role is Role.PROMPT else prompts[0]


def _with_role(files: Sequence[_AcvpFile], role: Role) -> list[_AcvpFile]:
    return [file for file in files if file.document.role is role]
