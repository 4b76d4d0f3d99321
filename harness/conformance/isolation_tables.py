# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may touch what, written down by hand for each board that isolation is judged on.

The tables stand here as docs/architecture.md draws them, not as emulator/board.py has them, so that a slip in a board's
rows is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SERVICE, GATEWAY = "service", "gateway"
WORD = 4
PAGE = 0x1000

_TEXT_SIZE, _FAST_SIZE, _LARGE_SIZE = 0x40_0000, 0x40_0000, 0x100_0000


@dataclass(frozen=True, slots=True)
class Place:
    """A range of addresses, its end excluded, and what may be done there: some of the letters r, w, x."""

    start: int
    end: int
    access: str


@dataclass(frozen=True, slots=True)
class _Memories:
    """Where a board has its three memories, called `names`, and the service's two devices; the shadow's offset."""

    text: int
    fast: int
    large: int
    uart: int
    system_control: Place
    shadow: int
    names: tuple[str, str, str] = ("ssram1", "ssram23", "psram")


_SYSTEM_CONTROL = Place(0xE000_E000, 0xE000_F000, "rw")
_MPS2 = _Memories(0x0000_0000, 0x2000_0000, 0x2100_0000, 0x4000_4000, _SYSTEM_CONTROL, 0x6000_0000)
_BOARDS = {
    "an383": _MPS2,
    "an385": _MPS2,
    "an386": _MPS2,
    "an500": replace(_MPS2, large=0x6000_0000, shadow=0x9000_0000),
    "an505": _Memories(0x1000_0000, 0x3800_0000, 0x8000_0000, 0x5020_0000, _SYSTEM_CONTROL, 0x6000_0000),
    "vexpress-a15": _Memories(
        0x8000_0000,
        0x8040_0000,
        0x8100_0000,
        0x1C09_0000,
        Place(0x2C00_1000, 0x2C00_3000, "rw"),
        0x6000_0000,
        ("dram for text", "dram for variables", "dram for pages"),
    ),
}

JUDGED_BOARDS = tuple(_BOARDS)


@dataclass(frozen=True, slots=True)
class Tables:
    """ISO-2 on one board.

    `grants` is all that each task may touch. `shadow` is what the service is granted beside that if its image has
    sanitizers, and nobody else: a byte for each eight of memory. `nobodys` is what no task may touch at all, beside
    the guards.
    """

    grants: dict[str, dict[str, Place]]
    shadow: dict[str, Place]
    nobodys: dict[str, Place]


def tables(board: str) -> Tables:
    """The tables of `board`, one of JUDGED_BOARDS."""
    m = _BOARDS[board]
    shared = {
        "kernel page": Place(m.large + 0x80_0000, m.large + 0x80_1000, "r"),
        "window": Place(m.large + 0x81_0000, m.large + 0x83_3000, "rw"),
    }
    service = {
        "code": Place(m.text, m.text + 0x20_0000, "rx"),
        "stack": Place(m.fast + 0x1000, m.fast + 0x5000, "rw"),
        "data": Place(m.fast + 0x6000, m.fast + 0x4_0000, "rw"),
        "bulk": Place(m.fast + 0x4_0000, m.fast + 0x14_0000, "rw"),
        "filters": Place(m.large, m.large + 0x80_0000, "rw"),
        "utcb": Place(m.large + 0x84_0000, m.large + 0x84_1000, "rw"),
        "entropy page": Place(m.large + 0x80_2000, m.large + 0x80_3000, "rw"),
        "key storage": Place(m.large + 0x80_4000, m.large + 0x80_F000, "r"),
        "uart": Place(m.uart, m.uart + 0x1000, "rw"),
        "system control": m.system_control,
        **shared,
    }
    gateway = {
        "gateway code": Place(m.text + 0x20_0000, m.text + 0x40_0000, "rx"),
        "gateway stack": Place(m.fast + 0x20_1000, m.fast + 0x20_5000, "rw"),
        "gateway data": Place(m.fast + 0x20_6000, m.fast + 0x24_0000, "rw"),
        "gateway bulk": Place(m.fast + 0x24_0000, m.fast + 0x34_0000, "rw"),
        "gateway utcb": Place(m.large + 0x84_2000, m.large + 0x84_3000, "rw"),
        "host port": Place(m.large + 0x85_0000, m.large + 0x87_1000, "rw"),
        **shared,
    }
    shadow = _shadow(m)
    nobodys = {
        **{name: Place(place.start, place.end, "") for name, place in shadow.items()},
        "return pad": Place(0x1FFF_0000, 0x1FFF_1000, ""),
        "call scratch": Place(m.large + 0x90_0000, m.large + 0xA0_0000, ""),
        "nowhere": Place(0x1234_5678, 0x1234_5680, ""),
        "end of the address space": Place(0xFFFF_FFF8, 0x1_0000_0000, ""),
    }
    if m.text != 0:
        nobodys["null"] = Place(0, PAGE, "")
    return Tables({SERVICE: service, GATEWAY: gateway}, shadow, nobodys)


def _shadow(m: _Memories) -> dict[str, Place]:
    text, fast, large = (f"shadow of {name}" for name in m.names)
    ranges = {
        text: (m.text, _TEXT_SIZE),
        fast: (m.fast, _FAST_SIZE),
        large: (m.large, _LARGE_SIZE),
        "shadow of uart": (m.uart, PAGE),
        "shadow of system control": (m.system_control.start, PAGE),
    }
    found = {}
    for name, (start, size) in ranges.items():
        first = (start // 8 + m.shadow) // PAGE * PAGE
        found[name] = Place(first, first + max(size // 8, PAGE), "rw")
    return found
