# SPDX-License-Identifier: GPL-2.0-or-later
"""`hil serve` as a process, with clients that share nothing and cannot harm one another, whatever they do."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from harness.default_keys import AES_KEY_ID, ENTROPY, default_keys
from harness.model import Model
from harness.protocol import codec
from harness.protocol import commands as table
from harness.protocol.commands import Status
from harness.protocol.device_socket import RING
from harness.serve import window_object
from harness.serve.background import Background, background_server
from harness.targets.base import TargetError, TargetStopped
from harness.targets.device import DeviceConnection, DeviceTarget
from harness.targets.window import Window

FIXED = ("--entropy", ENTROPY.hex())
ENCRYPT = codec.aes_encrypt(AES_KEY_ID, b"aad", b"text")


class Honest:
    """A client whose every answer has to be the model's, whatever happens beside it."""

    def __init__(self, server: Background) -> None:
        self.device = DeviceTarget(server.path)
        self._model = Model(ENTROPY, default_keys().build())
        self._clock = 0

    def go_on(self, exchanges: int = 20) -> None:
        for _ in range(exchanges):
            self._clock += table.RATE_INTERVAL_US
            assert self.device.exchange(ENCRYPT) == self._model.exchange(ENCRYPT, self._clock)


@contextmanager
def served(*options: str) -> Iterator[tuple[Background, Honest]]:
    """A server with a client that is well served; it still is at the end."""
    with background_server("--clock", "paced", *FIXED, *options) as server:
        honest = Honest(server)
        honest.go_on()
        yield server, honest
        honest.go_on()
        honest.device.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens soon, if it does."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def window_of(connection: DeviceConnection) -> Path:
    return window_object.OBJECTS / connection.greeting.name[1:]


def ended(server: Background, connection: DeviceConnection, devices: int) -> Callable[[], bool]:
    return lambda: len(server.devices) == devices and not window_of(connection).exists()


# ---- isolation ----


def test_clients_share_no_generator_tracker_limiter_or_keys() -> None:
    with background_server("--control", *FIXED) as server:
        one, other = DeviceTarget(server.path), DeviceTarget(server.path)
        sealed = [each.exchange(ENCRYPT).payload for each in (one, other)]
        assert sealed[0] == sealed[1] == Model(ENTROPY, default_keys().build()).exchange(ENCRYPT, 0).payload
        nonce, text, tag = sealed[0][:12], sealed[0][12:-16], sealed[0][-16:]
        opening = codec.aes_decrypt(AES_KEY_ID, nonce, b"aad", text, tag)
        assert [one.exchange(opening).status for _ in range(2)] == [Status.SUCCESS, Status.NONCE_REUSE]
        while one.exchange(ENCRYPT).status is not Status.RATE_LIMITED:
            pass
        assert other.exchange(opening).status is Status.SUCCESS
        one.set_clock(0)
        one.write_key_image(b"")
        one.boot(ENTROPY, b"")
        assert one.exchange(ENCRYPT).status is Status.KEY_NOT_FOUND
        assert other.exchange(ENCRYPT).status is Status.SUCCESS
        assert one.connection is not None
        assert other.connection is not None
        assert one.connection.greeting.name != other.connection.greeting.name


def test_more_clients_than_devices_are_told() -> None:
    with served("--max-clients", "2") as (server, _):
        second = DeviceConnection(server.path)
        for _ in range(3):
            with pytest.raises(TargetError, match="every device is in use"):
                DeviceConnection(server.path)
        second.close()
        until(ended(server, second, 1))
        DeviceConnection(server.path).close()
        assert "a client was refused: 2 devices are in use" in server.log


# ---- clients that behave badly ----


def test_a_client_that_is_killed_in_a_request_leaves_nothing() -> None:
    with served() as (server, honest):
        script = (
            "import os, sys; from pathlib import Path; from harness.targets.device import *\n"
            "connection = DeviceConnection(Path(sys.argv[1]))\n"
            "print(connection.greeting.name, flush=True)\n"
            "while True: os.write(connection.fileno(), RING)"
        )
        with subprocess.Popen([sys.executable, "-c", script, server.path], stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            name = client.stdout.readline().strip()
            honest.go_on()
            assert (window_object.OBJECTS / name[1:]).exists()
            client.kill()
        until(lambda: len(server.devices) == 1 and not (window_object.OBJECTS / name[1:]).exists())


def test_a_flood_blocks_the_flooder_alone() -> None:
    """Its device waits for it to take its answers; its further messages fill its own socket, and no more."""
    with served() as (server, honest):
        flooder = DeviceConnection(server.path)
        os.set_blocking(flooder.fileno(), False)
        for _ in range(5):
            with suppress(BlockingIOError):
                while True:
                    os.write(flooder.fileno(), RING)
            honest.go_on(200)
        flooder.close()
        until(ended(server, flooder, 1))


def test_silent_and_talkative_connections_harm_nobody() -> None:
    with served() as (server, honest):
        silent = DeviceConnection(server.path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as hasty:
            hasty.connect(str(server.path))  # hangs up before the greeting
        for message in (b"\0", bytes(45_061), bytes(100_000)):
            talkative = DeviceConnection(server.path)
            with pytest.raises(TargetError, match="refuses that"):
                talkative.send(message)
            honest.go_on()
        until(lambda: len(server.devices) == 2)
        silent.ring()


def test_a_scribbler_changes_nothing_but_its_own_answers() -> None:
    """It writes the whole window, lengths and doorbells included, while its own service runs."""
    with served() as (server, honest):
        scribbler = DeviceTarget(server.path)
        assert scribbler.connection is not None
        window, stop = scribbler.connection.window, threading.Event()

        def scribble() -> None:
            chance = random.Random(3)
            while not stop.is_set():
                window[:] = chance.randbytes(len(window))
                # A request that gets far, with a length that does not keep still.
                window[table.WINDOW_REQUEST : table.WINDOW_REQUEST + len(ENCRYPT)] = ENCRYPT
                for _ in range(200):
                    window[table.WINDOW_REQUEST + 4 : table.WINDOW_REQUEST + 8] = chance.randbytes(4)
                    window[0] = chance.randrange(256)

        thread = threading.Thread(target=scribble)
        thread.start()
        try:
            for _ in range(100):
                for _ in range(20):
                    scribbler.connection.ring()
                honest.go_on(5)
        finally:
            stop.set()
            thread.join()
        # Whatever the doorbell is left at is answered in the first ring; the others outlast a cooldown, since requests
        # that appear while the service runs take tokens without a step of the clock.
        for _ in range(1 + table.RATE_COOLDOWN_US // table.RATE_INTERVAL_US):
            scribbler.connection.ring()
        assert scribbler.exchange(ENCRYPT).status is Status.SUCCESS
        scribbler.close()


def test_a_window_that_is_cut_short_ends_its_own_device() -> None:
    with served() as (server, _):
        cutter = DeviceConnection(server.path)
        os.truncate(window_of(cutter), 0)
        with pytest.raises(TargetError, match=r"hung up|has `hil serve` ended"):
            cutter.ring()
        until(lambda: "its process was ended by SIGBUS" in server.log)
        until(ended(server, cutter, 1))


# ---- services that stop ----


def test_a_service_that_stops_is_told_to_its_client_alone(broken: Callable[[str, bytes], Path]) -> None:
    path = broken("aes_decrypt_operate", b"\x00\xde")
    with served("--firmware", str(path)) as (server, _):
        device = DeviceTarget(server.path)
        sealed = device.exchange(ENCRYPT).payload
        with pytest.raises(TargetStopped, match="the service has stopped"):
            device.exchange(codec.aes_decrypt(AES_KEY_ID, sealed[:12], b"aad", sealed[12:-16], sealed[-16:]))
        with pytest.raises(TargetStopped, match="has stopped before"):
            device.exchange(ENCRYPT)
        until(lambda: "device 2: ended after 2 rings: the service has stopped: undefined instruction" in server.log)
        assert "aes_decrypt_operate" in server.log


def test_a_service_that_does_not_come_up_is_told(broken: Callable[[str, bytes], Path]) -> None:
    with background_server("--firmware", str(broken("main", b"\x00\xde"))) as server:
        with pytest.raises(TargetError, match="does not come up"):
            DeviceConnection(server.path)
        until(lambda: "device 1: did not come up: the service does not come up: undefined" in server.log)
        until(lambda: not server.devices)


# ---- the server's own end ----


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_end_leaves_nothing(number: signal.Signals) -> None:
    with background_server() as server:
        connections = [DeviceConnection(server.path) for _ in range(3)]
        devices = server.devices
        os.write(connections[0].fileno(), RING)
        server.process.send_signal(number)
        assert server.process.wait(30) == 0
        assert not server.path.exists()
        assert len(devices) == 3
        assert not any(Path(f"/proc/{pid}").exists() for pid in devices)
        assert not any(window_of(connection).exists() for connection in connections)
        with pytest.raises(TargetError, match=r"hung up|has `hil serve` ended"):
            connections[1].ring()


def test_ctrl_c_reaches_the_devices_as_well_and_is_the_servers_to_answer() -> None:
    with background_server() as server:
        connection = DeviceConnection(server.path)
        (device,) = server.devices
        os.kill(device, signal.SIGINT)
        connection.ring()
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0
        assert "Traceback" not in server.log


def test_devices_end_with_a_server_that_is_killed() -> None:
    with background_server() as server:
        connections = [DeviceConnection(server.path) for _ in range(2)]
        devices = server.devices
        server.process.kill()
        server.process.wait()
        until(lambda: not any(_runs(pid) for pid in devices))
        assert len(devices) == 2
        until(lambda: not any(window_of(connection).exists() for connection in connections))


def _runs(pid: int) -> bool:
    """Whether the process is there and no zombie, which an init that does not reap would leave."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_device_that_hangs_is_ended_all_the_same(broken: Callable[[str, bytes], Path]) -> None:
    with background_server("--firmware", str(broken("dispatch", b"\xfe\xe7"))) as server:
        connection = DeviceConnection(server.path)
        Window(connection.window).post(ENCRYPT)
        (device,) = server.devices
        before = _processor_time(device)
        os.write(connection.fileno(), RING)
        until(lambda: _processor_time(device) > before + 20)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert not window_of(connection).exists()
        assert not Path(f"/proc/{device}").exists()


def _processor_time(pid: int) -> int:
    """In ticks, of a process that computes and does nothing else."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def test_nothing_accumulates_over_many_connections() -> None:
    with served() as (server, honest):
        before = None
        for _ in range(30):
            connection = DeviceConnection(server.path)
            connection.ring()
            connection.close()
            until(ended(server, connection, 1))
            before = before or server.usage()
        honest.go_on()
        after = server.usage()
        assert (after.processes, after.descriptors) == (before.processes, before.descriptors)
