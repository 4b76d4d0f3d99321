# SPDX-License-Identifier: GPL-2.0-or-later
"""A board with its tasks, at power-on and after a reset."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.board import AN386
from emulator.errors import EmulatorError
from emulator.image import Image
from emulator.l4.system import System


def test_power_on_fills_ram_and_clears_dataspaces(hostile: System) -> None:
    for region in AN386.regions:
        if region.writable and region not in AN386.peripherals and region != AN386.call_scratch:
            hostile.write(region.base, b"left behind")
    hostile.kernel_page.set_clock(77)
    hostile.reset(fill=0xA5)
    for task in AN386.tasks:
        for region in task.image_ram:
            assert hostile.read(region.end - 4, 4) == b"\xa5" * 4
            assert hostile.read(region.base, 4) == b"\xa5" * 4
        assert not any(hostile.read(task.utcb.base, 16))
    for region in (AN386.entropy_page, AN386.key_storage, AN386.window):
        assert not any(hostile.read(region.base, region.size))
    assert hostile.kernel_page.now == 0
    assert {task.state for task in hostile.tasks.values()} == {"running"}


def test_one_task_alone_has_its_own_memory_and_no_more(hostile_images: dict[str, Image]) -> None:
    system = System(AN386, {"gateway": hostile_images["gateway"]})
    try:
        assert {space.region for space in system.moe.dataspaces} == set(AN386.grants(AN386.gateway))
        assert system.run(1000).why == "quiet"
    finally:
        system.close()


def test_shared_memory_exists_once(hostile: System) -> None:
    names = [space.name for space in hostile.moe.dataspaces]
    assert len(names) == len(set(names))
    owned = {AN386.uart, AN386.system_control, AN386.return_pad, AN386.call_scratch}
    assert {space.region for space in hostile.moe.dataspaces} == set(AN386.regions) - owned


def test_an_image_of_the_other_task_is_refused(hostile_images: dict[str, Image]) -> None:
    with pytest.raises(EmulatorError, match="task gateway: its image has data at 0x00000000"):
        System(AN386, {"gateway": hostile_images["service"]})


def test_mistakes_of_the_host(hostile_images: dict[str, Image]) -> None:
    with pytest.raises(EmulatorError, match="a system needs a task"):
        System(AN386, {})
    with pytest.raises(EmulatorError, match="task 'moe' is unknown, use one of: service, gateway"):
        System(AN386, {"moe": hostile_images["service"]})
    with pytest.raises(EmulatorError, match="cpu 'z80' is unknown"):
        System(replace(AN386, cpu="z80"), hostile_images)


def test_one_task_starts_anew_while_the_other_stays_as_it_is(hostile: System) -> None:
    service, gateway = AN386.service, AN386.gateway
    for task in (service, gateway):
        hostile.write(task.data.end - 4, b"mark")
    hostile.write(gateway.utcb.base, b"\x01")
    hostile.tasks["service"].state = hostile.tasks["gateway"].state = "faulted"
    hostile.restart("gateway", fill=0xA5)
    assert (hostile.read(service.data.end - 4, 4), hostile.read(gateway.data.end - 4, 4)) == (b"mark", b"\xa5" * 4)
    assert hostile.read(gateway.utcb.base, 1) == b"\0"
    assert (hostile.tasks["service"].state, hostile.tasks["gateway"].state) == ("faulted", "running")
    outcome = hostile.run(10_000)
    assert (outcome.why, outcome.reports) == ("quiet", ())
    assert hostile.tasks["gateway"].state == "idle"


def test_a_task_that_does_not_run_cannot_start_anew(hostile: System) -> None:
    with pytest.raises(EmulatorError, match="use one of: service, gateway"):
        hostile.restart("moe")
