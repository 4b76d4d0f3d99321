# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture of a system: its tasks, what each was granted with which access, and what they share.

Drawn as Mermaid text or as SVG, from the tasks' own tables of grants or, without any image, from the board's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from emulator.board import Board, Region
from emulator.l4.system import System


@dataclass(frozen=True, slots=True)
class TaskPicture:
    """What is drawn of a task; `state` is empty where nothing runs."""

    name: str
    state: str
    grants: tuple[Region, ...]


def of_board(board: Board) -> tuple[TaskPicture, ...]:
    """The tasks of a board as it would start them."""
    return tuple(TaskPicture(task.name, "", _by_address(board.grants(task))) for task in board.tasks)


def of_system(system: System) -> tuple[TaskPicture, ...]:
    """The tasks of a running system."""
    return tuple(TaskPicture(task.name, task.state, _by_address(task.grants)) for task in system.tasks.values())


def _by_address(regions: Iterable[Region]) -> tuple[Region, ...]:
    return tuple(sorted(regions, key=lambda region: region.base))


@dataclass(frozen=True, slots=True)
class _Shared:
    """A place that several tasks were granted, and with which access each."""

    region: Region
    access: dict[str, str]


def _shared(tasks: tuple[TaskPicture, ...]) -> tuple[_Shared, ...]:
    holders: dict[int, _Shared] = {}
    for task in tasks:
        for region in task.grants:
            holders.setdefault(region.base, _Shared(region, {})).access[task.name] = region.access
    return tuple(place for _, place in sorted(holders.items()) if len(place.access) > 1)


def _own(task: TaskPicture, shared: tuple[_Shared, ...]) -> tuple[Region, ...]:
    bases = {place.region.base for place in shared}
    return tuple(region for region in task.grants if region.base not in bases)


def _size(size: int) -> str:
    """Bytes in KiB or MiB; regions are whole pages, so that KiB are exact."""
    return f"{size >> 20} MiB" if size % (1 << 20) == 0 else f"{size >> 10} KiB"


def _place(region: Region) -> str:
    return f"{region.base:#010x}, {_size(region.size)}"


def _title(task: TaskPicture) -> str:
    return f"task {task.name}" + (f" ({task.state})" if task.state else "")


# ---- Mermaid ----


def mermaid(tasks: tuple[TaskPicture, ...]) -> str:
    """A flowchart: a box a task with its own memory, the shared dataspaces between them, edges with the access."""
    shared = _shared(tasks)
    lines = ["flowchart LR"]
    for index, task in enumerate(tasks):
        rows = [f"{region.name}, {_place(region)}, {region.access}" for region in _own(task, shared)]
        lines.append(f'    task{index}["{_mermaid_text("<br>".join([f"<b>{_title(task)}</b>", *rows]))}"]')
    for index, place in enumerate(shared):
        text = f"<b>{place.region.name}</b><br>{_place(place.region)}"
        lines.append(f'    shared{index}[("{_mermaid_text(text)}")]')
    for index, place in enumerate(shared):
        for number, task in enumerate(tasks):
            if task.name in place.access:
                # One task to the left of what is shared, the others to the right of it.
                ends = (f"task{number}", f"shared{index}")
                first, second = ends if number == 0 else ends[::-1]
                lines.append(f"    {first} ---|{place.access[task.name]}| {second}")
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    return text.replace('"', "#quot;")


# ---- SVG ----

# Each rule names the picture: within a page of HTML, a style sheet is everybody's.
_STYLE = """
    .system .ground { fill: #ffffff; }
    .system .task { fill: #eaf2fb; stroke: #2f6fb0; }
    .system .space { fill: #fdf3e0; stroke: #a8711a; }
    .system .edge { stroke: #57606a; stroke-width: 1.5; fill: none; }
    .system text { font: 13px sans-serif; fill: #1f2328; }
    .system .name { font-weight: bold; }
    .system .number { font-family: monospace; font-size: 12px; }
    .system .access { text-anchor: middle; stroke: #ffffff; stroke-width: 6; paint-order: stroke; }
    @media (prefers-color-scheme: dark) {
        .system .ground { fill: #0d1117; }
        .system .task { fill: #12263f; stroke: #6cb0f5; }
        .system .space { fill: #33270d; stroke: #e0ac4f; }
        .system .edge { stroke: #9aa4af; }
        .system text { fill: #e6edf3; }
        .system .access { stroke: #0d1117; }
    }
"""

_MARGIN, _ROW, _PAD = 20, 20, 12
_BOX_WIDTH, _BOX_GAP = 400, 60
_SPACE_HEIGHT = 2 * _ROW + _PAD
_EDGE_ROOM = 90


def svg(tasks: tuple[TaskPicture, ...]) -> str:
    """The tasks side by side with their own memory, what they share below, lines with the access between."""
    shared = _shared(tasks)
    rows = max((len(_own(task, shared)) for task in tasks), default=0)
    width = 2 * _MARGIN + len(tasks) * _BOX_WIDTH + max(len(tasks) - 1, 0) * _BOX_GAP
    box_height = (rows + 1) * _ROW + 2 * _PAD
    spaces_at = _MARGIN + box_height + _EDGE_ROOM
    height = spaces_at + _SPACE_HEIGHT + 2 * _ROW + _MARGIN
    parts = [
        f'<svg class="system" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        "<title>Tasks, what each was granted, and what they share</title>",
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{width}" height="{height}"/>',
    ]
    lefts = {task.name: _MARGIN + index * (_BOX_WIDTH + _BOX_GAP) for index, task in enumerate(tasks)}
    for task in tasks:
        parts += _svg_task(task, _own(task, shared), lefts[task.name], box_height)
    for index, place in enumerate(shared):
        step = (width - 2 * _MARGIN) / len(shared)
        parts += _svg_shared(place, _MARGIN + step * (index + 0.5), spaces_at, lefts, _MARGIN + box_height)
    parts.append(
        _text(_MARGIN, height - _MARGIN, "Moe owns the memory. Every other access of a task is a fault of that task.")
    )
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _svg_task(task: TaskPicture, own: tuple[Region, ...], left: int, height: int) -> list[str]:
    top = _MARGIN
    parts = [
        f'<rect class="task" x="{left}" y="{top}" width="{_BOX_WIDTH}" height="{height}" rx="6"/>',
        _text(left + _PAD, top + _ROW, _title(task), "name"),
    ]
    for index, region in enumerate(own):
        y = top + _ROW * (index + 2)
        parts.append(_text(left + _PAD, y, region.name))
        parts.append(_text(left + 150, y, f"{region.base:#010x}", "number"))
        parts.append(_text(left + 260, y, _size(region.size), "number"))
        parts.append(_text(left + 355, y, region.access, "number"))
    return parts


def _svg_shared(place: _Shared, middle: float, top: int, lefts: dict[str, int], tasks_end: int) -> list[str]:
    width = 220
    parts = []
    for name, access in place.access.items():
        # Lines leave a task where the dataspace lies, as far as the task reaches.
        x = min(max(middle, lefts[name] + 2 * _PAD), lefts[name] + _BOX_WIDTH - 2 * _PAD)
        end = middle + (x > middle) * width / 4 - (x < middle) * width / 4
        parts.append(f'<line class="edge" x1="{x:g}" y1="{tasks_end}" x2="{end:g}" y2="{top}"/>')
        near = 0.7  # of the way down, behind where the lines cross
        parts.append(_text(x + near * (end - x), tasks_end + near * (top - tasks_end), access, "number access"))
    left = middle - width / 2
    parts.append(f'<rect class="space" x="{left:g}" y="{top}" width="{width}" height="{_SPACE_HEIGHT}" rx="6"/>')
    parts.append(_text(left + _PAD, top + _ROW, place.region.name, "name"))
    parts.append(_text(left + _PAD, top + 2 * _ROW, _place(place.region), "number"))
    return parts


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text{attribute} x="{x:g}" y="{y:g}">{escape(text)}</text>'
