# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual device: one refused request over its socket, by a ping-pong of two processes that do nothing else.

To wake a process on another core may take longer than all the rest, and the scheduler decides at every round. So client
and server are put on one core, and on two, and each is compared with a ping-pong that is placed the same way.
"""

from __future__ import annotations

import os
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.bench.figure import Figure
from harness.protocol import codec
from harness.protocol.device_socket import RING, WORD
from harness.serve.background import background_server
from harness.targets.device import DeviceTarget
from harness.targets.one_core import staying_on

ROUNDS = 7
TRIPS = 5000  # a round, of each
UNKNOWN_TYPE = 0x7F


def device_round_trip(path: Path, board_name: str) -> tuple[Figure, ...]:
    """Post, ring, answer, decode, from Python: medians of single trips, ours and the ping-pong's in turns."""
    options = ("--clock", "paced", "--firmware", str(path), "--board", board_name)
    request = codec.encode_request(UNKNOWN_TYPE)
    figures: list[Figure] = []
    with background_server(*options) as server, DeviceTarget(server.path) as device, _echo() as (peer, echo):

        def ping_pong() -> None:
            peer.send(RING)
            peer.recv(WORD.size)

        for placed, others in _placements():
            ours, bare = [], []
            with staying_on(min(os.sched_getaffinity(0))):
                for pid in (echo, *server.devices):
                    os.sched_setaffinity(pid, others)
                for _ in range(ROUNDS):
                    bare += _trips(ping_pong)
                    ours += _trips(lambda: device.exchange(request))
            figures += _figures(placed, statistics.median(ours), statistics.median(bare))
    return tuple(figures)


def _figures(placed: str, value: float, baseline: float) -> tuple[Figure, Figure]:
    name = f"virtual device, refused request, {placed}"
    return (
        Figure(name, value, "us", "", None, 100),
        Figure(f"{name}, by a ping-pong", value, "us", f"ping-pong: {baseline:.2f} us", value / baseline, 6),
    )


def _placements() -> Iterator[tuple[str, set[int]]]:
    """Where the other process is, this one being on the first core."""
    first, *rest = sorted(os.sched_getaffinity(0))
    yield "on one core", {first}
    if rest:
        yield "on two cores", {rest[0]}


def _trips(action: Callable[[], object]) -> list[float]:
    """Microseconds of each of TRIPS calls."""
    taken = []
    for _ in range(TRIPS):
        begin = time.perf_counter_ns()
        action()
        taken.append((time.perf_counter_ns() - begin) / 1000)
    return taken


@contextmanager
def _echo() -> Iterator[tuple[socket.socket, int]]:
    """A socket whose other end, in a process of its own, sends back what comes; and that process."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    pid = os.fork()
    if pid == 0:
        try:
            near.close()
            while message := far.recv(WORD.size):
                far.send(message)
        finally:
            os._exit(0)
    far.close()
    with near:
        yield near, pid
    os.waitpid(pid, 0)
