# SPDX-License-Identifier: GPL-2.0-or-later
"""Board files: a sound one becomes the board that it describes, and each contradiction is one line that names it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from emulator.board import AN386, PAGE_SIZE, Region
from emulator.board_fields import MAX_FILE_SIZE
from emulator.board_file import BoardFileError, find_board, firmware_of
from emulator.errors import EmulatorError
from emulator.image import load_image
from emulator.machine import Machine
from emulator.stop import IDLE

EXAMPLE = Path(__file__).parents[2] / "examples" / "polling_firmware"
ELF = EXAMPLE / "build" / "polling.elf"
TEXT = (EXAMPLE / "polling.toml").read_text().replace("build/polling.elf", str(ELF))
# Where nothing depends on a symbol.
PLAIN = f"""
cpu = "cortex-m4"
wait = {{ kind = "wfi" }}
memory.flash = {{ address = 0, size = 0x40_0000, access = "rx" }}
memory.sram = {{ address = 0x2000_0000, size = 0x40_0000, access = "rw" }}
memory.psram = {{ address = 0x2100_0000, size = 0x100_0000, access = "rw" }}
service.code = {{ address = 0, size = 0x20_0000 }}
service.stack = {{ address = 0x2000_1000, size = 0x4000 }}
service.data = {{ address = 0x2000_6000, size = 0x3_A000 }}
service.bulk = {{ address = 0x2004_0000, size = 0x10_0000 }}
service.filters = {{ address = 0x2100_0000, size = 0x80_0000 }}
shared.kernel_page = {{ address = {AN386.kernel_page.base} }}
shared.entropy_page = {{ address = {AN386.entropy_page.base} }}
shared.key_storage = {{ address = {AN386.key_storage.base} }}
shared.window = {{ address = {AN386.window.base} }}
devices.uart = {{ address = 0x4000_4000 }}
devices.system_control = {{ address = 0xE000_E000 }}
"""


@pytest.fixture
def board_file(tmp_path: Path) -> Path:
    return tmp_path / "bench.toml"


def write(path: Path, text: str = TEXT, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert re.search(old, text), old
        text = re.sub(old, lambda _, new=new: new, text, count=1)
    path.write_text(text)
    return str(path)


# ---- sound files ----


def test_the_example_is_read_with_the_symbols_of_its_image(board_file: Path) -> None:
    image = load_image(ELF, None)
    board = find_board(write(board_file))
    assert (board.name, board.cpu) == ("bench", "cortex-m3")
    assert board.window == Region("window", image.symbols["mailbox"].address, AN386.window.size, "rw")
    assert board.kernel_page == Region("kernel page", image.symbols["system_info"].address, PAGE_SIZE, "r")
    assert board.key_storage.base == image.symbols["key_vault"].address
    assert board.service.wait_at == image.symbols["poll_mailbox"].address
    assert (board.bulk, board.gateway, board.uart, board.shadow) == (None, None, None, ())
    assert [task.name for task in board.tasks] == ["service"]


def test_the_firmware_given_goes_before_the_one_named(board_file: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved.elf"
    command = ["arm-none-eabi-objcopy", "--add-symbol", "elsewhere=0x60004000", str(ELF), str(moved)]
    subprocess.run(command, check=True)
    name = write(board_file, TEXT, ('"key_vault"', '"elsewhere"'), ('"mailbox"', '"mailbox"'))
    with pytest.raises(BoardFileError, match=r"key_storage.symbol: polling.elf has not exactly one symbol 'elsewhere'"):
        find_board(name)
    with pytest.raises(BoardFileError, match="overlap"):  # the symbol is found: it lies in the window
        find_board(name, moved)


def test_a_file_that_says_what_a_row_says_runs_the_same_image(board_file: Path, firmware: Path) -> None:
    board = find_board(write(board_file, PLAIN), firmware)
    assert {region.base for region in board.dataspaces} == {region.base for region in AN386.dataspaces}
    machine = Machine(board, load_image(firmware, board))
    try:
        machine.write(board.entropy_page.base, bytes(range(48)))
        assert machine.run(100_000_000) is IDLE
        assert machine.uart.text().startswith("crypto service")
    finally:
        machine.close()


def test_a_name_is_looked_up_as_ever() -> None:
    assert find_board("an386") is AN386
    with pytest.raises(EmulatorError, match="'nowhere' is unknown"):
        find_board("nowhere")


def test_what_calls_use_lies_where_the_hardware_has_nothing(board_file: Path) -> None:
    high = (r"dram = .*", 'dram = { address = 0x6000_0000, size = 0x7FF0_0000, access = "rw" }')
    board = find_board(write(board_file, TEXT, high))
    assert board.call_scratch.end <= 0x6000_0000
    assert not any(bank.overlaps(board.return_pad) for bank in board.banks)


def test_the_named_firmware_is_relative_to_the_file(board_file: Path) -> None:
    assert firmware_of(str(EXAMPLE / "polling.toml")) == ELF
    with pytest.raises(BoardFileError, match="firmware: is missing"):
        firmware_of(write(board_file, PLAIN))


# ---- files that cannot be used ----

REGION = "{ address = 0x1000_4000, size = 0x7_C000 }"

# What is changed in the example's file, and how the complaint begins behind the file's name.
WRONG = {
    "no TOML": ((r"cpu =", "cpu"), "file: is no TOML"),
    "a field twice": ((r"cpu =", 'name = "a"\nname = "b"\ncpu ='), "file: is no TOML"),
    "an unknown field": ((r"cpu =", "gpu = 1\ncpu ="), "gpu: is unknown, use one of: name, firmware, cpu"),
    "an unknown table": ((r"\[shared\]", "[extra]\na = 1\n[shared]"), "extra: is unknown"),
    "an unknown region": ((r"data =", "date ="), "service.date: is unknown, use one of: service.code"),
    "an unknown member": ((r"size = 0x4000", "length = 0x4000"), "service.stack.length: is unknown, use one of"),
    "no cpu": ((r"cpu = .*", ""), "cpu: is missing, add it"),
    "no wait": ((r"wait = .*", ""), "wait: is missing, add it"),
    "no window": ((r"window = .*", ""), "shared.window: is missing, add it"),
    "a cpu that is a number": ((r'cpu = ".*"', "cpu = 3"), "cpu: is a number, not text"),
    "a cpu that nobody knows": ((r"cortex-m3", "cortex-x9"), "cpu: 'cortex-x9' is unknown, use one of: cortex-m"),
    "the name of another board": ((r"cpu =", 'name = "an386"\ncpu ='), "name: 'an386' is the name of another board"),
    "no name": ((r"cpu =", 'name = ""\ncpu ='), "name: '' is"),
    "a table that is none": ((r"(?s)\[shared\].*", "[devices]\nuart = 5"), "devices.uart: is a number, not a table"),
    "a list of tables": ((r"\[service\]", "[[service]]"), "service: is a list, not a table"),
    "no memory": ((r"(?s)flash = .*?dram.*?\n", ""), "memory: is empty"),
    "a memory that is no table": ((r"flash = .*", "flash = 1"), "memory.flash: is no table"),
    "a memory without access": ((r', access = "rx"', ""), "memory.flash.access: is missing"),
    "an access that is none": ((r'"rx"', '"rwx"'), "memory.flash: region flash: access 'rwx' is unknown"),
    "memories that overlap": ((r"0x1000_0000, size", "0x0808_0000, size"), "memory map: board bench: regions"),
    "an address that is text": ((r"address = 0x1000_4000", 'address = "x"'), "service.data.address: is text, not a nu"),
    "an address that is a truth": ((r"address = 0x1000_4000", "address = true"), "service.data.address: is true or"),
    "an address below zero": ((r"0x1000_4000", "-4096"), "service.data.address: -0x1000 is no address of 32 bits"),
    "an address beyond 32 bits": ((r"0x1000_4000", "0x1_1000_4000"), "service.data.address: 0x110004000 is no add"),
    "an end beyond 32 bits": ((r"size = 0x7_C000", "size = 0xFFFF_F000"), "service.data: region data: base"),
    "part of a page": ((r"0x1000_4000", "0x1000_4100"), "service.data: region data: base 0x10004100 or size"),
    "a size of nothing": ((r"size = 0x7_C000", "size = 0"), "service.data: region data: size 0 is not positive"),
    "no size": ((r", size = 0x7_C000", ""), "service.data.size: is missing"),
    "address and symbol": ((r"symbol = \"mailbox\"", 'symbol = "mailbox", address = 0'), "shared.window: gives both"),
    "neither of them": ((r"symbol = \"mailbox\"", ""), "shared.window: gives neither an address nor a symbol"),
    "something to fill in": ((r'"mailbox"', '"TODO"'), "shared.window.symbol: still says TODO"),
    "a symbol that is none": ((r'"mailbox"', '"mailbax"'), "shared.window.symbol: polling.elf has not exactly one"),
    "a symbol that is too small": ((r'"mailbox"', '"seed_page"'), "shared.window.symbol: seed_page has 0x1000 bytes"),
    "a window that is too small": ((r'"mailbox"', '"mailbox", size = 0x1_0000'), "shared.window.size: 0x10000 is too"),
    "a window across pages": ((r'symbol = "mailbox"', "address = 0x6090_0010"), "shared.window: region window: base"),
    "a window outside the RAM": (
        (r'symbol = "mailbox"', "address = 0x3000_0000"),
        "memory map: board bench: region window lies in no memory bank",
    ),
    "a window in the flash": ((r'symbol = "mailbox"', "address = 0x0800_0000"), "memory map: board bench: reg"),
    "a page over another": ((r'"seed_page"', '"system_info"'), "memory map: board bench: regions"),
    "variables in the flash": (
        (re.escape(REGION), "{ address = 0x0800_0000, size = 0x4000 }"),
        "service.data: is rw in memory.flash, which is rx",
    ),
    "a device in a memory": ((r"$", "\n[devices]\nuart = { address = 0x6090_0000 }"), "memory map: board bench: reg"),
    "another way to wait": ((r'kind = "address"', 'kind = "wfe"'), "wait.kind: 'wfe' is unknown, use one of: wfi, ad"),
    "WFI at an address": ((r'kind = "address"', 'kind = "wfi"'), 'wait.symbol: goes with kind "address" alone'),
    "waiting nowhere": ((r', symbol = "poll_mailbox"', ""), "wait: gives neither an address nor a symbol"),
    "waiting in the RAM": ((r'"poll_mailbox"', '"mailbox"'), "wait: 0x6000b000 is outside service.code"),
    "waiting behind the code": ((r'symbol = "poll_mailbox"', "address = 0x080F_0000"), "wait: 0x080f0000 is no code"),
    "a vector table elsewhere": ((r"0x0800_4000, size = 0xF_C000", "0x0800_0000, size = 0x10_0000"), "service.code: "),
    "a stack that starts elsewhere": (
        (r'symbol = "stack_low", size = 0x4000', "address = 0x1000_0000, size = 0x3000"),
        "service.stack: the vector table's stack pointer 0x10004000 is outside",
    ),
    "no room behind the code": ((r"size = 0xF_C000", "size = 0xB000"), "service.code: polling.elf fills it to its end"),
    "a firmware that is not there": ((re.escape(str(ELF)), "no.elf"), None),
    "a firmware that is none": ((re.escape(str(ELF)), "bench.toml"), None),
}  # fmt: skip


@pytest.mark.parametrize(("change", "complaint"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_refused_in_one_line(board_file: Path, change: tuple[str, str], complaint: str | None) -> None:
    name = write(board_file, TEXT, change)
    with pytest.raises(EmulatorError) as refused:
        find_board(name)
    message = str(refused.value)
    assert "\n" not in message
    if complaint is not None:
        assert message.startswith(f"{name}: {complaint}")


# The same for where the code lies, which would have the place to wait at outside.
@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("0x6090_0000, size = 0x1000", "service.code: is rx in memory.dram, which is rw"),
        ("0x0800_5000, size = 0x1_0000", "service.code: the vector table's reset 0x"),
        ("0x080F_0000, size = 0x1000", "service.code: polling.elf loads nothing at 0x080f0000"),
    ],
)
def test_code_that_lies_elsewhere_is_refused(board_file: Path, code: str, complaint: str) -> None:
    name = write(board_file, TEXT, (r"wait = .*", 'wait = { kind = "wfi" }'), ("0x0800_4000, size = 0xF_C000", code))
    with pytest.raises(BoardFileError) as refused:
        find_board(name)
    assert str(refused.value).startswith(f"{name}: {complaint}")


def test_a_core_that_does_not_execute_the_image_is_refused(board_file: Path, firmware: Path) -> None:
    name = write(board_file, PLAIN, ("cortex-m4", "cortex-m3"))
    with pytest.raises(BoardFileError, match=r"cpu: cortex-m3 does not execute service.elf, .* built for v7E-M"):
        find_board(name, firmware)


def test_symbols_need_an_image_that_has_them(board_file: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "stripped.elf"
    subprocess.run(["arm-none-eabi-strip", "-o", str(stripped), str(ELF)], check=True)
    name = write(board_file, TEXT, (r"firmware = .*", ""))
    with pytest.raises(BoardFileError, match=r"'poll_mailbox' has to be looked up: name the image|stack_low"):
        find_board(name)
    with pytest.raises(BoardFileError, match=r"stripped.elf has no symbols, give the address"):
        find_board(name, stripped)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff\xfe", "file: is no UTF-8 text"),
        (b"\x7fELF\0", "file: is no TOML"),
        (b"#" * (MAX_FILE_SIZE + 1), "size: is over"),
        (b"", "cpu: is missing"),
        (b"a = " + b"[" * 100_000, "file: is no TOML"),
        (b'"a\\nb" = 1', "a b: is unknown"),
    ],
)
def test_anything_else_is_refused_in_one_line(board_file: Path, content: bytes, complaint: str) -> None:
    board_file.write_bytes(content)
    with pytest.raises(BoardFileError) as refused:
        find_board(str(board_file))
    assert str(refused.value).startswith(f"{board_file}: {complaint}")
    assert "\n" not in str(refused.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(EmulatorError):
            find_board(str(path) if path.suffix else f"{path}.toml")
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(BoardFileError, match=r"folder.toml: cannot be read \(Is a directory\)"):
        find_board(str(folder))
