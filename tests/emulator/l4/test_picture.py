# SPDX-License-Identifier: GPL-2.0-or-later
"""Both pictures hold every grant with its access, and the SVG is a document of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from emulator.board import AN386
from emulator.l4 import picture
from emulator.l4.system import System

TASKS = picture.of_board(AN386)
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_running_system_looks_as_the_board_says(hostile: System) -> None:
    drawn = picture.of_system(hostile)
    assert tuple(replace(task, state="") for task in drawn) == TASKS
    assert {task.state for task in drawn} == {"idle"}
    assert "<b>task gateway (idle)</b>" in picture.mermaid(drawn)
    assert "task gateway (idle)" in texts(picture.svg(drawn))


def test_mermaid_has_every_grant_and_edges_to_what_is_shared() -> None:
    lines = picture.mermaid(TASKS).splitlines()
    assert lines[0] == "flowchart LR"
    service, gateway = lines[1:3]
    assert "<b>task service</b>" in service
    for row in (
        "code, 0x00000000, 2 MiB, rx",
        "entropy page, 0x21802000, 4 KiB, rw",
        "key storage, 0x21804000, 44 KiB, r",
    ):
        assert row in service
        assert row not in gateway
    assert "gateway stack, 0x20201000, 16 KiB, rw" in gateway
    assert lines[3:] == [
        '    shared0[("<b>kernel page</b><br>0x21800000, 4 KiB")]',
        '    shared1[("<b>window</b><br>0x21810000, 140 KiB")]',
        "    task0 ---|r| shared0",
        "    shared0 ---|r| task1",
        "    task0 ---|rw| shared1",
        "    shared1 ---|rw| task1",
    ]


def test_svg_has_every_region_once_and_the_access_of_each_holder() -> None:
    drawn = texts(picture.svg(TASKS))
    for task in AN386.tasks:
        for region in AN386.grants(task):
            assert drawn.count(region.name) == 1
    assert drawn.count("r") == 1 + 2  # key storage; the kernel page for both
    assert drawn.count("rx") == 2


def test_svg_is_drawn_inside_its_borders() -> None:
    root = ElementTree.fromstring(picture.svg(TASKS))
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    for box in root.iter(f"{SVG}rect"):
        assert 0 <= float(box.get("x", 0)) <= float(box.get("x", 0)) + float(box.get("width", 0)) <= width
        assert 0 <= float(box.get("y", 0)) <= float(box.get("y", 0)) + float(box.get("height", 0)) <= height


def test_svg_has_colours_for_dark_surroundings_and_loads_nothing() -> None:
    text = picture.svg(TASKS)
    assert "prefers-color-scheme: dark" in text
    assert text.count("http") == 1  # the name of the format
    assert "<script" not in text


def test_the_style_of_the_svg_concerns_nothing_else_of_a_page() -> None:
    style = picture.svg(TASKS).split("<style>")[1].split("</style>")[0]
    selectors = [line.split("{")[0].strip() for line in style.splitlines() if "{" in line]
    assert [selector for selector in selectors if not selector.startswith((".system ", "@media"))] == []
    assert picture.svg(TASKS).startswith('<svg class="system"')


def test_one_task_alone_shares_nothing() -> None:
    assert "shared" not in picture.mermaid(TASKS[:1])
    assert "window" in texts(picture.svg(TASKS[:1]))


def test_a_name_cannot_break_the_picture() -> None:
    odd = (replace(TASKS[0], name='<b>"&'),)
    assert 'task <b>"&' in texts(picture.svg(odd))
    assert picture.mermaid(odd).count('"') == 2


def test_the_documentation_shows_the_board_as_it_is() -> None:
    page = Path(__file__).parents[3] / "docs" / "architecture.md"
    assert picture.mermaid(TASKS) in page.read_text()
