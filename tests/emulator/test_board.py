# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.board import AN383, AN385, AN386, AN500, AN505, BOARDS, PAGE_SIZE, VEXPRESS_A15, Board, Region, board
from emulator.errors import EmulatorError


def test_known_board_is_found_by_name() -> None:
    assert board("an386") is AN386


def test_unknown_board_names_the_known_ones() -> None:
    with pytest.raises(EmulatorError, match=r"board 'an521' is unknown, use one of: an383, an385, an386, an500, an505"):
        board("an521")


def test_an386_is_where_hardware_and_qemu_have_it() -> None:
    """Written down a second time by hand: docs and firmware depend on these numbers."""
    places = {region.name: (region.base, region.end, region.access) for region in AN386.regions}
    assert places == {
        "code": (0x0000_0000, 0x0020_0000, "rx"),
        "gateway code": (0x0020_0000, 0x0040_0000, "rx"),
        "return pad": (0x1FFF_0000, 0x1FFF_1000, "rx"),
        "stack": (0x2000_1000, 0x2000_5000, "rw"),
        "data": (0x2000_6000, 0x2004_0000, "rw"),
        "bulk": (0x2004_0000, 0x2014_0000, "rw"),
        "gateway stack": (0x2020_1000, 0x2020_5000, "rw"),
        "gateway data": (0x2020_6000, 0x2024_0000, "rw"),
        "gateway bulk": (0x2024_0000, 0x2034_0000, "rw"),
        "filters": (0x2100_0000, 0x2180_0000, "rw"),
        "kernel page": (0x2180_0000, 0x2180_1000, "r"),
        "entropy page": (0x2180_2000, 0x2180_3000, "rw"),
        "key storage": (0x2180_4000, 0x2180_F000, "r"),
        "window": (0x2181_0000, 0x2183_3000, "rw"),
        "utcb": (0x2184_0000, 0x2184_1000, "rw"),
        "gateway utcb": (0x2184_2000, 0x2184_3000, "rw"),
        "host port": (0x2185_0000, 0x2187_1000, "rw"),
        "call scratch": (0x2190_0000, 0x21A0_0000, "rw"),
        "uart": (0x4000_4000, 0x4000_5000, "rw"),
        "system control": (0xE000_E000, 0xE000_F000, "rw"),
    }
    assert AN386.stack_guards == ((0x2000_0000, 0x2000_1000), (0x2000_5000, 0x2000_6000))


@pytest.mark.parametrize(
    ("row", "text", "fast", "large", "uart"),
    [
        (AN383, 0x0000_0000, 0x2000_0000, 0x2100_0000, 0x4000_4000),
        (AN385, 0x0000_0000, 0x2000_0000, 0x2100_0000, 0x4000_4000),
        (AN500, 0x0000_0000, 0x2000_0000, 0x6000_0000, 0x4000_4000),
        (AN505, 0x1000_0000, 0x3800_0000, 0x8000_0000, 0x5020_0000),
        (VEXPRESS_A15, 0x8000_0000, 0x8040_0000, 0x8100_0000, 0x1C09_0000),
    ],
    ids=lambda value: value.name if isinstance(value, Board) else "",
)
def test_the_other_boards_have_the_same_tasks_in_memories_of_their_own(
    row: Board, text: int, fast: int, large: int, uart: int
) -> None:
    moved = {"ssram1": text, "ssram23": fast, "psram": large}
    for theirs, ours in zip(row.tasks, AN386.tasks, strict=True):
        for name, region in ours.linker_regions.items():
            (bank,) = (bank for bank in AN386.banks if bank.contains(region.base, region.size))
            expected = moved[bank.name] + region.base - bank.base
            assert (theirs.linker_regions[name].base, theirs.linker_regions[name].size) == (expected, region.size)
    assert (row.window.base, row.uart.base) == (large + 0x81_0000, uart)


def test_no_region_is_writable_and_executable() -> None:
    for entry in BOARDS:
        assert not [region for region in entry.regions if region.writable and region.executable]


def test_region_at_wants_the_whole_range_inside() -> None:
    end = AN386.window.end
    assert AN386.region_at(end - 4, 4) == AN386.window
    assert AN386.region_at(end - 4, 5) is None
    assert AN386.region_at(AN386.stack.base - 1) is None


@pytest.mark.parametrize(
    ("base", "size", "access", "message"),
    [
        (0, PAGE_SIZE, "rwx", "access 'rwx' is unknown"),
        (0, PAGE_SIZE, "", "access '' is unknown"),
        (0, 0, "rw", "size 0 is not positive"),
        (0, -PAGE_SIZE, "rw", "size -4096 is not positive"),
        (0x1001, PAGE_SIZE, "rw", "splits a page"),
        (0x1000, PAGE_SIZE + 1, "rw", "splits a page"),
        (0xFFFF_F000, 2 * PAGE_SIZE, "rw", "leave 32 bits"),
        (-PAGE_SIZE, PAGE_SIZE, "rw", "leave 32 bits"),
    ],
)
def test_impossible_region_is_refused(base: int, size: int, access: str, message: str) -> None:
    with pytest.raises(EmulatorError, match=message) as caught:
        Region("x", base, size, access)  # type: ignore[arg-type]
    assert str(caught.value).startswith("region x: ")


def test_last_page_of_the_address_space_is_a_region() -> None:
    assert Region("top", 0xFFFF_F000, PAGE_SIZE, "r").end == 1 << 32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": Region("data", 0x2000_6000, 0x3_B000, "rw")}, "regions data and bulk overlap"),
        ({"data": Region("data", 0x2020_6000, 0x1000, "rw")}, "regions data and gateway data overlap"),
        ({"bulk": Region("data", 0x2004_0000, 0x1000, "rw")}, "two regions are named data"),
        ({"data": Region("data", 0x2000_5000, 0x1000, "rw")}, "data takes the guard page 0x20005000"),
        ({"data": Region("data", 0x2000_0000, 0x1000, "rw")}, "data takes the guard page 0x20000000"),
        ({"data": Region("data", 0x2020_0000, 0x1000, "rw")}, "data takes the guard page 0x20200000"),
        ({"utcb": Region("utcb", 0x3000_0000, 0x1000, "rw")}, "region utcb lies in no memory bank"),
    ],
)
def test_contradictory_task_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(EmulatorError, match=message):
        replace(AN386, service=replace(AN386.service, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"window": Region("window", 0x3000_0000, 0x1000, "rw")}, "region window lies in no memory bank"),
        ({"uart": Region("uart", 0x2018_0000, 0x1000, "rw")}, "region uart lies in a memory bank"),
        ({"banks": (*AN386.banks, Region("again", 0, 0x1000, "rx"))}, "regions ssram1 and again overlap"),
        ({"cpu_hz": 0}, "cpu_hz 0 is not positive"),
        ({"cpu": "z80"}, "board an386: cpu 'z80' is unknown, use one of: cortex-a15, cortex-a7, cortex-m0plus"),
        ({"uart_kind": "16550"}, "board an386: uart_kind '16550' is unknown, use one of: cmsdk, pl011"),
        ({"shadow_offset": 0x1C00_0000}, "regions .* overlap"),
    ],
)
def test_contradictory_board_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(EmulatorError, match=message):
        replace(AN386, **change)  # type: ignore[arg-type]


def test_each_task_is_granted_what_the_contract_says_and_no_more() -> None:
    """ISO-2; written down a second time by hand."""
    granted = {task.name: {region.name: region.access for region in AN386.grants(task)} for task in AN386.tasks}
    assert granted == {
        "service": {
            "code": "rx",
            "stack": "rw",
            "data": "rw",
            "bulk": "rw",
            "filters": "rw",
            "utcb": "rw",
            "kernel page": "r",
            "entropy page": "rw",
            "key storage": "r",
            "window": "rw",
            "uart": "rw",
            "system control": "rw",
        },
        "gateway": {
            "gateway code": "rx",
            "gateway stack": "rw",
            "gateway data": "rw",
            "gateway bulk": "rw",
            "gateway utcb": "rw",
            "kernel page": "r",
            "window": "rw",
            "host port": "rw",
        },
    }


def test_the_tasks_share_kernel_page_and_window_alone() -> None:
    service, gateway = (set(AN386.grants(task)) for task in AN386.tasks)
    assert service & gateway == {AN386.kernel_page, AN386.window}


def test_unknown_task_names_the_known_ones() -> None:
    assert AN386.task("gateway") is AN386.gateway
    with pytest.raises(EmulatorError, match="task 'moe' is unknown, use one of: service, gateway"):
        AN386.task("moe")


def test_shadow_is_a_byte_for_each_eight_of_banks_and_devices() -> None:
    for memory in (*AN386.banks, *AN386.peripherals):
        for address in (memory.base, memory.end - 1):
            place = address // 8 + AN386.shadow_offset
            assert sum(region.contains(place) for region in AN386.shadow) == 1
    assert sum(region.size for region in AN386.shadow) == sum(bank.size for bank in AN386.banks) // 8 + 2 * 4096
    assert not set(AN386.shadow) & set(AN386.regions)


def test_shadow_over_other_memory_is_refused() -> None:
    with pytest.raises(EmulatorError, match="overlap"):
        replace(AN386, shadow_offset=AN386.data.base)
