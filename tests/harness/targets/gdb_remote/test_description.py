# SPDX-License-Identifier: GPL-2.0-or-later
"""Target descriptions of several stubs' style."""

import pytest

from harness.targets.gdb_remote.description import REGISTER_NAMES, DescriptionError, register_numbers


def registers(xpsr: str) -> str:
    core = "".join(f'<reg name="{name}" bitsize="32"/>' for name in REGISTER_NAMES[:-1])
    return f"<feature>{core}<reg name='{xpsr}' bitsize='32'"


def test_numbers_are_given_or_follow_one_another() -> None:
    text = f"<target>{registers('xPSR')} regnum='25'/><reg name='msp'/></feature></target>".encode()
    numbers = register_numbers({"target.xml": text}.__getitem__)
    assert (numbers["r0"], numbers["sp"], numbers["pc"], numbers["xpsr"]) == (0, 13, 15, 25)
    assert tuple(numbers) == REGISTER_NAMES


def test_included_documents_are_read_with_or_without_a_declared_prefix() -> None:
    for declared in ("", ' xmlns:xi="http://www.w3.org/2001/XInclude"'):
        main = f'<?xml version="1.0"?><target{declared}><xi:include href="core.xml"/></target>'.encode()
        core = f"{registers('xpsr')}/></feature>".encode()
        assert register_numbers({"target.xml": main, "core.xml": core}.__getitem__)["xpsr"] == 16


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<target><reg name='x0'/></target>", "describes no Cortex-M: its first registers are x0"),
        ("<target/>", "describes no Cortex-M: its first registers are missing"),
        ("<target>", "makes no sense"),
        ("<target><reg/></target>", "makes no sense"),
        ("<target><reg name='r0' regnum='two'/></target>", "makes no sense"),
        ("<target><xi:include href='target.xml'/></target>", "includes more than"),
    ],
)
def test_what_is_no_description_of_a_cortex_m_is_refused(text: str, words: str) -> None:
    with pytest.raises(DescriptionError, match=words):
        register_numbers(lambda name: text.encode())
