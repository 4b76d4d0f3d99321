# SPDX-License-Identifier: GPL-2.0-or-later
"""The XML documents are well-formed and say what gdb needs."""

from __future__ import annotations

from xml.etree import ElementTree

from emulator.board import AN386
from emulator.cpu import REGISTER_NAMES
from emulator.gdbserver.target_description import REGISTERS, memory_map_xml, target_xml, threads_xml
from emulator.gdbserver.timeline import Timeline


def test_the_registers_are_those_of_the_core_in_the_order_of_the_document() -> None:
    root = ElementTree.fromstring(target_xml())
    described = [register.attrib for register in root.iter("reg")]
    assert tuple(register["name"] for register in described) == REGISTERS
    assert set(REGISTERS) == set(REGISTER_NAMES)
    assert {register["bitsize"] for register in described} == {"32"}
    core = next(feature for feature in root.iter("feature") if feature.attrib["name"] == "org.gnu.gdb.arm.m-profile")
    assert [register.attrib["name"] for register in core][13:] == ["sp", "lr", "pc", "xpsr"]


def test_the_memory_map_is_the_boards() -> None:
    root = ElementTree.fromstring(memory_map_xml(AN386))
    banks = [(int(bank.attrib["start"], 16), int(bank.attrib["length"], 16)) for bank in root]
    assert banks == [(bank.base, bank.size) for bank in AN386.banks]


def test_tasks_are_threads(two_tasks: Timeline) -> None:
    two_tasks.forward(5)
    root = ElementTree.fromstring(threads_xml(two_tasks.system.tasks.values()))
    assert [(thread.attrib["id"], thread.attrib["name"], thread.text) for thread in root] == [
        ("1", "service", "waits"),
        ("2", "gateway", "has something to do"),
    ]
