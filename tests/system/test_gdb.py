# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil gdb` and the real gdb: what a user does in a session, and what both make of it."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import pytest

from harness.debugging.transcript import GDB, serving, talk
from harness.fuzz import findings_store as store
from harness.fuzz import script as s
from harness.fuzz.patched import build_patched
from harness.fuzz.replay import shorten
from harness.protocol import codec
from harness.targets.names import DEFAULT_BOARD

PLANTED = Path(__file__).parents[1] / "planted"
BOOTED = ("continue", "monitor request AES_ENCRYPT aad=0001 plaintext=text:attack")
RESPONSE_DOORBELL = "*(unsigned *)0x21810004"


def session(firmware: Path, *commands: str, arguments: tuple[str, ...] = ()) -> str:
    """What gdb prints; it kills the target in the end, and the server has to end with that."""
    with serving(("--firmware", str(firmware), *arguments)) as served:
        told = talk(served.port, (*commands, "kill"), firmware)
        assert served.process.wait(timeout=60) == 0
    return told


def answers(told: str, command: str) -> list[str]:
    """What stands behind each prompt with this command, up to the next prompt."""
    return re.findall(rf"^\(gdb\) {re.escape(command)}\n(.*?)(?=^\(gdb\) |\Z)", told, flags=re.MULTILINE | re.DOTALL)


def test_gdb_is_installed(firmware: Path) -> None:
    assert "GNU gdb" in talk(1, ("show version",), firmware), f"{GDB}: run `make setup-gdb`"


def test_a_breakpoint_at_a_handler_a_backtrace_with_lines_and_finish(firmware: Path) -> None:
    told = session(
        firmware,
        "break aes_encrypt_operate",
        *BOOTED,
        "continue",
        "backtrace",
        "finish",
        "continue",
        "monitor response",
    )
    first, second, third = answers(told, "continue")
    assert "SIGSTOP" in first
    assert "every task waits for a signal" in first
    assert re.search(r"Breakpoint 1, aes_encrypt_operate \(request=0x[0-9a-f]+\) at service/aes_encrypt\.c:\d+", second)
    assert "const struct span text = request->text;" in second
    (trace,) = answers(told, "backtrace")
    assert [re.findall(r"^#(\d+) .*? at (\S+?):\d+$", trace, re.MULTILINE)] == [
        [
            ("0", "service/aes_encrypt.c"),
            ("1", "service/ipc.c"),
            ("2", "service/ipc.c"),
            ("3", "service/main.c"),
        ]
    ]
    assert "Value returned is $1 = STATUS_SUCCESS" in answers(told, "finish")[0]
    assert "SIGSTOP" in third
    assert "response SUCCESS, payload of 34 bytes" in answers(told, "monitor response")[0]


def test_a_watched_variable_forward_and_back(firmware: Path) -> None:
    told = session(
        firmware,
        *BOOTED,
        f"watch {RESPONSE_DOORBELL}",
        "continue",
        "print/x $pc",
        "reverse-continue",
        "print/x $pc",
        "x/i $pc",
        "delete",
        "rwatch *(unsigned *)0x21810000",
        "reverse-continue",
        "x/i $pc",
    )
    assert "Old value = 0\nNew value = 1" in answers(told, "continue")[1]
    back, further = answers(told, "reverse-continue")
    assert "Old value = 1\nNew value = 0" in back
    behind, before = (int(value, 16) for value in re.findall(r"\$\d+ = 0x([0-9a-f]+)", told))
    assert behind == before + 2
    stores, loads = answers(told, "x/i $pc")
    assert re.search(r"=> 0x[0-9a-f]+ <\S+>:\s+str\s", stores)
    assert re.search(r"=> 0x[0-9a-f]+ <\S+>:\s+ldr\s", loads)
    assert "Value = 1" in further


def test_steps_can_be_taken_back_to_exactly_the_registers_that_were(firmware: Path) -> None:
    """Eight steps, `info registers` before each, and all of them back."""
    steps = 8
    forward = ("info registers", "stepi") * steps
    back = ("reverse-stepi", "info registers") * steps
    told = session(firmware, "break gcm_encrypt", *BOOTED, "continue", *forward, *back)
    shown = answers(told, "info registers")
    assert len(shown) == 2 * steps
    assert len(set(shown[:steps])) == steps
    assert shown[steps:] == shown[:steps][::-1]


def test_lines_can_be_stepped_both_ways(firmware: Path) -> None:
    told = session(firmware, "break gcm_encrypt", *BOOTED, "continue", "next", "next", "reverse-next", "print/x $pc")
    lines = [int(found) for found in re.findall(r"^(\d+)\t", "".join(answers(told, "next")), re.MULTILINE)]
    assert len(lines) == 2
    (back,) = answers(told, "reverse-next")
    assert re.findall(r"^(\d+)\t", back, re.MULTILINE) == [str(lines[0])]


def test_history_ends_at_power_on(firmware: Path) -> None:
    told = session(firmware, "print/x $pc", "continue", "reverse-continue", "print/x $pc", "reverse-stepi")
    assert "No more reverse-execution history." in answers(told, "reverse-continue")[0]
    assert "No more reverse-execution history." in answers(told, "reverse-stepi")[0]
    begin, again = answers(told, "print/x $pc")
    assert begin.split("=")[1] == again.split("=")[1]


def test_ctrl_c_stops_a_loop_that_does_not_end(firmware: Path) -> None:
    """The loop is written over the instruction behind the WFI; the interrupt comes from within gdb, once it runs."""
    interrupt = (
        "python import os, signal, threading; gdb.events.cont.connect("
        "lambda _: threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start())"
    )
    told = session(
        firmware,
        "continue",
        "print $spin = $pc",
        "set var *(unsigned short *)$pc = 0xe7fe",
        "monitor request MLKEM_KEYGEN",
        interrupt,
        "continue",
        "print $pc == $spin",
        "stepi",
        "print $pc == $spin",
    )
    assert "received signal SIGINT, Interrupt" in answers(told, "continue")[1]
    assert [answer.split("=")[1].strip() for answer in answers(told, "print $pc == $spin")] == ["1", "1"]


def test_two_tasks_are_threads(firmware: Path) -> None:
    gateway = firmware.with_name("gateway.elf")
    told = session(
        firmware,
        f"add-symbol-file {gateway}",
        "break aes_encrypt_operate",
        "continue",
        "monitor request AES_ENCRYPT plaintext=text:attack",
        "continue",
        "info threads",
        "thread 2",
        "backtrace",
        "break single_request",
        "reverse-continue",
        "info threads",
        arguments=("--gateway",),
    )
    serving_, sending = answers(told, "info threads")
    assert re.search(r'^\* 1    Thread 1 "service" .* aes_encrypt_operate', serving_, re.MULTILINE)
    assert re.search(r'^  2    Thread 2 "gateway" \(waits\) ', serving_, re.MULTILINE)
    assert re.search(r" in client_aes_encrypt \(.* at client/client_operations\.c:\d+", answers(told, "backtrace")[0])
    assert 'Thread 2 "gateway" hit Breakpoint 2' in answers(told, "reverse-continue")[0]
    assert re.search(r'^\* 2    Thread 2 "gateway" .* single_request', sending, re.MULTILINE)


def test_monitor_commands_and_a_snapshot(firmware: Path) -> None:
    told = session(
        firmware,
        "continue",
        "monitor snapshot booted",
        "monitor request MLDSA_SIGN message=text:m",
        "monitor clock +1500",
        "continue",
        "monitor response",
        "monitor restore booted",
        "maintenance flush register-cache",
        "monitor clock",
        "monitor response",
        "monitor nonsense",
        "monitor request AES_ENCRYPT plaintext=xyz",
        "monitor help",
    )
    signed, nothing = answers(told, "monitor response")
    assert "request MLDSA_SIGN" in signed
    assert "response SUCCESS, payload of 3309 bytes" in signed
    assert "nothing was asked" in nothing
    assert answers(told, "monitor clock") == ["clock: 0 us\n"]
    assert (
        "there are: help, snapshot, restore, moment, clock, request, response" in answers(told, "monitor nonsense")[0]
    )
    assert "plaintext: 'xyz' is no number" in told
    assert [line.split()[0] for line in answers(told, "monitor help")[0].splitlines()] == [
        *("help", "snapshot", "restore", "moment", "clock", "request", "response")
    ]


def test_an_inferior_call_and_a_changed_variable(firmware: Path) -> None:
    """gdb writes registers and memory, runs, and puts all back."""
    told = session(
        firmware,
        "break aes_encrypt_operate",
        *BOOTED,
        "continue",
        "print $sp",
        "print (int)clock_now() > 0",
        "print $sp",
    )
    first, second = answers(told, "print $sp")
    assert first.split("=")[1] == second.split("=")[1]


def test_a_finding_is_opened_at_its_faulting_instruction(tmp_path: Path) -> None:
    image = build_patched(PLANTED / "plaintext-of-4919-bytes.patch", "release", tmp_path)
    request = codec.aes_encrypt(1, b"", bytes(0x1337))
    script = s.encode([*s.literal(request[8:]), s.send(request[2])])
    found, _ = shorten(script, "", image, DEFAULT_BOARD)
    folder = store.save(tmp_path / "findings", found)
    told = session(
        image,
        "print $pc",
        "x/i $pc",
        "backtrace",
        "reverse-stepi",
        "stepi",
        "continue",
        "break ipc_serve",
        "reverse-continue",
        arguments=(str(folder),),
    )
    assert f"{found.finding.location.split(' in ')[1].split()[0]}" in answers(told, "backtrace")[0]
    assert re.search(r"=> 0x[0-9a-f]+ <aes_encrypt_operate\+\d+>:\s+ldr", answers(told, "x/i $pc")[0])
    (again,) = answers(told, "continue")
    assert "received signal SIGSEGV, Segmentation fault" in again
    assert "read not granted at 0x333c" in again
    assert "Breakpoint 1, ipc_serve" in answers(told, "reverse-continue")[0]


# ---- the server's life ----


def test_a_client_that_detaches_finds_everything_again(firmware: Path) -> None:
    with serving(("--firmware", str(firmware))) as served:
        first = talk(served.port, ("break gcm_encrypt", *BOOTED, "continue", "print/x $pc", "detach"), firmware)
        second = talk(served.port, ("print/x $pc", "kill"), firmware)
        assert served.process.wait(timeout=60) == 0
    assert answers(first, "print/x $pc") == answers(second, "print/x $pc") != []


def test_ctrl_c_ends_the_server_cleanly(firmware: Path) -> None:
    with serving(("--firmware", str(firmware))) as served:
        served.process.send_signal(signal.SIGINT)
        _, error = served.process.communicate(timeout=60)
        assert (served.process.returncode, error) == (0, "ended\n")


def test_rubbish_floods_and_sudden_ends_do_no_harm(firmware: Path) -> None:
    with serving(("--firmware", str(firmware))) as served:
        for rubbish in (
            b"\0" * 4096,
            b"$g#",
            b"$" * 100_000,
            b"$c#63\x03$c#63",
            b"$g#67" * 2000,
            b"$m0,ffffffff#00+--",
        ):
            with socket.create_connection(("127.0.0.1", served.port)) as client:
                client.sendall(rubbish)
        told = talk(served.port, (*BOOTED, "continue", "monitor response", "kill"), firmware)
        assert served.process.wait(timeout=60) == 0
    assert "response SUCCESS" in told


@pytest.mark.parametrize("command", ["flood", "hang up"])
def test_a_client_that_does_not_let_the_target_be_heard(firmware: Path, command: str) -> None:
    """Packets without end while the target runs, or an end while it does; then a sound client."""
    with serving(("--firmware", str(firmware))) as served:
        with socket.create_connection(("127.0.0.1", served.port)) as client:
            client.sendall(b"+$vCont;c#a8" + (b"$?#3f" * 1000 if command == "flood" else b""))
        told = talk(served.port, ("print $pc", "kill"), firmware)
        assert "$1 = " in told
        assert served.process.wait(timeout=60) == 0
