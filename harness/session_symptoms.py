# SPDX-License-Identifier: GPL-2.0-or-later
"""What may be wrong in the field, from a session log: statuses 0x04, 0x07, 0x08, the window, the build."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.model.rate_limiter import RateLimiter
from harness.protocol import commands as table
from harness.protocol.commands import Status
from harness.session_log import AES_DECRYPT, AES_ENCRYPT, Carried, Event, Exchange, KeysWritten, SessionLog
from harness.symptoms import KEY_NOT_FOUND, Finding, slow_build

RATE_LIMITED = "status 0x07, frequent"
NONCE_REUSE = "status 0x08"
NOT_CLEARED = "window not cleared"

_SECOND_US = 1_000_000
_BURST_US = 100_000
_ENCRYPTIONS = 1 << 32
_PERSISTENT = 3
_KNOWN_FAST = ("release", "unknown")
_ROTATE = "rotate the key: new material under the next generation (`hil keys rotate`)"


def examine_session(log: SessionLog) -> tuple[Finding, ...]:
    """Everything that the log explains, in the order of the statuses; nothing for a session without symptoms."""
    return (*_key_not_found(log), *_rate_limited(log), *_nonce_reuse(log), *_window(log), *_build(log))


# ---- 0x04 ----


def _key_not_found(log: SessionLog) -> Iterator[Finding]:
    """Ids whose last requests were all KEY_NOT_FOUND."""
    runs: dict[int, int] = {}
    present: KeysWritten | None = None
    for event in log.events:
        if isinstance(event, KeysWritten):
            present = event
        elif isinstance(event, Exchange) and event.key_id is not None and event.status != Status.RATE_LIMITED:
            found = event.status != Status.KEY_NOT_FOUND
            runs[event.key_id] = 0 if found else runs.get(event.key_id, 0) + 1
    for key_id, count in runs.items():
        if count >= _PERSISTENT:
            known = present.generations if present is not None else None
            if present is not None and known is None:
                why = "the key storage written last does not parse, or has a corrupt slot"
            elif known is not None and key_id not in known:
                why = "no slot of the key storage written last carries this id"
            else:
                why = "the slot is corrupt, of another algorithm, or holds no generated key yet"
            evidence = f"key {key_id}: the last {count} requests were refused; {why}"
            yield Finding(
                KEY_NOT_FOUND, evidence, "give the image to `hil doctor KEYSTORE`, and regenerate what it names"
            )


# ---- 0x07 ----


@dataclass(slots=True)
class _Rate:
    """What the limiter made of the log's times, and what the log says it did."""

    cooldowns: int = 0
    too_early: int = 0
    unexplained: int = 0


def _rate_limited(log: SessionLog) -> Iterator[Finding]:
    exchanges = log.exchanges
    refused = sum(event.status == Status.RATE_LIMITED for event in exchanges)
    if not refused:
        return
    rate = _replay(log.events)
    second, burst = _most_within(exchanges, _SECOND_US), _most_within(exchanges, _BURST_US)
    evidence = (
        f"{refused} of {len(exchanges)} requests refused; at most {second} in a second (1000 are allowed), "
        f"{burst} within 100 ms (a burst may have {table.RATE_CAPACITY}); {rate.cooldowns} cooldowns of 100 ms, "
        f"{rate.too_early} requests sent during one"
    )
    advice = "send no more than one request a millisecond on average, and at most 100 at once"
    if rate.too_early:
        advice += "; after 0x07 wait 100 ms before the next try, doubling, five tries (CLI-1)"
    if rate.unexplained:
        evidence += f"; {rate.unexplained} answers do not follow from the times logged"
        advice += (
            "; look for another client of the same service, a log that does not begin at boot, or a clock that jumps"
        )
    yield Finding(RATE_LIMITED, evidence, advice)


def _replay(events: Sequence[Event]) -> _Rate:
    rate, limiter = _Rate(), RateLimiter()
    for event in events:
        if isinstance(event, KeysWritten) and event.boot:
            limiter = RateLimiter()
        elif isinstance(event, Exchange):
            before = limiter.snapshot()
            served = limiter.take(event.time_us)
            left = before.cooldown - max(event.time_us - before.clock, 0)
            started = not served and left <= 0
            rate.cooldowns += started
            rate.too_early += not served and not started
            rate.unexplained += served is (event.status == Status.RATE_LIMITED)
    return rate


def _most_within(exchanges: Sequence[Exchange], span: int) -> int:
    """The largest number of requests within less than `span` microseconds."""
    recent: deque[int] = deque()
    most = 0
    for event in exchanges:
        if recent and event.time_us < recent[-1]:
            recent.clear()  # the clock stepped back
        recent.append(event.time_us)
        while recent[0] <= event.time_us - span:
            recent.popleft()
        most = max(most, len(recent))
    return most


# ---- 0x08 ----


@dataclass(slots=True)
class _Key:
    """One key since its last rotation, as far as the log knows."""

    recorded: int = 0
    encryptions: int = 0
    nonces: set[bytes] = field(default_factory=set)


@dataclass(slots=True)
class _Refusals:
    """The NONCE_REUSE answers under one key, by cause."""

    replayed: dict[bytes, int] = field(default_factory=dict)
    full: int = 0
    recorded: int = 0
    spent: int = 0
    encryptions: int = 0
    fresh: set[bytes] = field(default_factory=set)
    served_since: bool = False


def _nonce_reuse(log: SessionLog) -> Iterator[Finding]:
    keys: dict[int, _Key] = {}
    refusals: dict[int, _Refusals] = {}
    generations: dict[int, int] = {}
    for event in log.events:
        if isinstance(event, KeysWritten):
            if event.boot:
                keys.clear()
            if event.generations is not None:
                new = dict(event.generations)
                for key_id in [key_id for key_id in keys if generations.get(key_id) != new.get(key_id)]:
                    del keys[key_id]
                generations = new
        elif isinstance(event, Carried):
            key = keys.setdefault(event.key_id, _Key())
            key.recorded += event.nonces
            key.encryptions += event.encryptions
        elif event.key_id is not None and event.type in (AES_ENCRYPT, AES_DECRYPT):
            _account(event, keys.setdefault(event.key_id, _Key()), refusals.setdefault(event.key_id, _Refusals()))
    for key_id, refusal in refusals.items():
        yield from _explain(key_id, refusal)


def _account(event: Exchange, key: _Key, refusals: _Refusals) -> None:
    refused = event.status == Status.NONCE_REUSE
    if event.type == AES_ENCRYPT:
        key.encryptions += event.status == Status.SUCCESS
        if refused:
            refusals.spent += 1
            refusals.encryptions = key.encryptions
    elif event.nonce is not None and event.status == Status.SUCCESS:
        key.recorded += 1
        key.nonces.add(event.nonce)
        refusals.served_since = True
    elif event.nonce is not None and refused:
        if event.nonce in key.nonces:
            refusals.replayed[event.nonce] = refusals.replayed.get(event.nonce, 0) + 1
        elif key.recorded >= table.NONCE_WINDOW:
            refusals.full += 1
            refusals.recorded = key.recorded
        else:
            refusals.fresh.add(event.nonce)
            refusals.served_since = False


def _explain(key_id: int, refusals: _Refusals) -> Iterator[Finding]:
    if refusals.replayed:
        nonce, times = next(iter(refusals.replayed.items()))
        what = f"{len(refusals.replayed)} nonces sent again after their message had been opened, such as {nonce.hex()}"
        advice = (
            "open each message once and keep its plaintext; look for a sender that repeats, or an attacker who does"
        )
        yield Finding(NONCE_REUSE, f"key {key_id}: replay: {what} (refused {times} times)", advice)
    if refusals.full:
        what = f"window of {table.NONCE_WINDOW} nonces full: {refusals.recorded} recorded since the last rotation"
        yield Finding(NONCE_REUSE, f"key {key_id}: {what}, {refusals.full} decryptions refused since", _ROTATE)
    if refusals.spent:
        what = f"encryption counter used up: {refusals.encryptions} encryptions known, {_ENCRYPTIONS} allowed"
        yield Finding(NONCE_REUSE, f"key {key_id}: {what}, {refusals.spent} refused", _ROTATE)
    if len(refusals.fresh) > 1 and not refusals.served_since:
        what = f"{len(refusals.fresh)} nonces that the log has not seen were refused, and none was served since"
        yield Finding(NONCE_REUSE, f"key {key_id}: window full, most likely: {what}", _ROTATE)
    elif refusals.fresh:
        what = f"{len(refusals.fresh)} nonces refused that the log has not seen, while others were served"
        advice = (
            "they were used before the log begins, or are false positives of the filter (under 5 in 10,000): seal again"
        )
        yield Finding(NONCE_REUSE, f"key {key_id}: {what}", advice)


# ---- the window, the build ----


def _window(log: SessionLog) -> Iterator[Finding]:
    looked = [event for event in log.exchanges if event.window_clear is not None]
    left = [event for event in looked if not event.window_clear]
    if left:
        evidence = f"not clear after {len(left)} of {len(looked)} responses, first at {left[0].time_us} us"
        advice = "zero request and response once the response has been consumed (IPC-5), as firmware/client does"
        yield Finding(NOT_CLEARED, evidence, advice)


def _build(log: SessionLog) -> Iterator[Finding]:
    if log.build not in _KNOWN_FAST:
        yield slow_build(log.build, f"the session was served by a build of kind {log.build}")
