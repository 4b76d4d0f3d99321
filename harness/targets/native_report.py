# SPDX-License-Identifier: GPL-2.0-or-later
"""What the sanitizers of a host compiler say, as a finding: kind and place in the first line, their text behind it."""

from __future__ import annotations

import re
from typing import Final

# "==123==ERROR: AddressSanitizer: global-buffer-overflow on address ...", "==123==WARNING: MemorySanitizer: ...".
_REPORT: Final = re.compile(r"^==\d+==\s*(?:ERROR|WARNING): (?P<tool>\w+Sanitizer): (?P<kind>[\w-]+)", re.MULTILINE)
# "service/ipc.c:33:5: runtime error: shift exponent 32 is too large ..."
_UNDEFINED: Final = re.compile(r"^(?P<place>\S+?:\d+(?::\d+)?): runtime error: (?P<what>.*)$", re.MULTILINE)
# "    #0 0x7f6a in ipc_serve service/ipc.c:33:5". Sources of the runtime begin with dots or a slash, so they are
# no place; the address is another one in the next process.
_FRAME: Final = re.compile(r"^\s*#\d+ (?:0x[0-9a-f]+ )?in (?P<function>\S+) (?P<place>\w[^\s:]*:\d+)", re.MULTILINE)
_ADDRESS: Final = re.compile(r"(?<=^    )(#\d+) 0x[0-9a-f]+(?= in )", re.MULTILINE)
_CALLERS: Final = re.compile(r"^\s*#\d+ 0x[0-9a-f]+ in (?:main|__libc_start_\w+|_start) .*\n?", re.MULTILINE)
_PROCESS: Final = re.compile(r"^==\d+==", re.MULTILINE)
_END_OF_TRACES: Final = re.compile(r"^(?:Shadow bytes around|SUMMARY:|==\d+==ABORTING|Exiting$)", re.MULTILINE)
_HERE: Final = re.compile(r"(?<= )(?:\./)+(?=\w)")  # clang writes it in front of a path


def sanitizer_report(output: str) -> str | None:
    """One text for a report, without what changes from run to run or shows the shadow; None where there is no report.

    The first line is `TOOL: KIND in FUNCTION PLACE`, as far as it is known.
    """
    undefined, report = _UNDEFINED.search(output), _REPORT.search(output)
    if report is not None and (undefined is None or report.start() < undefined.start()):
        head, begin = f"{report['tool']}: {report['kind']}", report.start()
    elif undefined is not None:
        head, begin = f"UndefinedBehaviorSanitizer: {undefined['what']}", undefined.start()
    else:
        return None
    text = output[begin:]
    end = _END_OF_TRACES.search(text)
    text = text[: end.start()] if end else text
    for noise, instead in ((_PROCESS, ""), (_CALLERS, ""), (_ADDRESS, r"\1"), (_HERE, "")):
        text = noise.sub(instead, text)
    frame = _FRAME.search(text)
    where = f" in {frame['function']} {frame['place']}" if frame else f" at {undefined['place']}" if undefined else ""
    return f"{head}{where}\n{text.strip()}"
