"""Runs that a signal ends: in order, whenever it comes."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests import expected
from tests.conftest import both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, batched
from tests.end_to_end.interrupted import (
    SIGNALS,
    ends_in_order,
    read_until,
    stopped,
    unread,
    until_stuck,
)
from tests.end_to_end.killed import ended, latest_state
from tests.events import HANG, wait_until
from tests.faults import BrokenResponse, Odd, Refusal
from tests.states import bookmarks

STALLS = BrokenResponse("stall", 5000)
IN_ORDER = "signals after which a run ended in order"
"""What these tests count."""


@both_paths_slowly
@SIGNALS
def test_an_interrupted_run_resumes_where_it_stopped(
    serve, start_tap, run_tap, number, options, tmp_path, evidence
):
    sandbox = serve(conversations=1100, days=20)
    config, chosen = settings(sandbox, **options), catalog("conversations")
    environment = {"TMPDIR": str(tmp_path)}
    tap = start_tap(config, catalog=chosen, encoding=None, environment=environment)
    before = set(tmp_path.iterdir())
    messages = stopped(tap, number, tap.stdout.read(100_000))
    assert set(tmp_path.iterdir()) == before
    records = [m["record"] for m in messages if m["type"] == "RECORD"]
    state = messages[-1]["value"]
    bookmark = state["bookmarks"]["conversations"]["replication_key_value"]
    assert bookmark <= records[-1]["updated_at"]
    assert sum(record["updated_at"] > bookmark for record in records) < 40
    rest = checks.succeeded(run_tap(config, state=state, catalog=chosen))
    resumed = rest.records("conversations")
    assert resumed
    arrived = {record["id"]: record for record in [*records, *resumed]}
    checks.same(arrived.values(), expected.records(sandbox.data, "conversations"))
    evidence(IN_ORDER)


def test_a_loader_that_reads_nothing_does_not_keep_the_tap(serve, start_tap, evidence):
    tap = start_tap(settings(serve(conversations=700, days=20)), encoding=None)
    output = tap.stdout.read(300_000)
    until_stuck(tap)
    stopped(tap, read=output)
    evidence(IN_ORDER)


@both_paths_slowly
def test_the_last_message_is_a_state_even_if_it_says_nothing_new(
    serve, start_tap, options, evidence
):
    sandbox = serve(conversations=1600, days=20)
    newest = max(c["updated_at"] for c in expected.source(sandbox.data, "conversations").values())
    # All records are older than the bookmark: none of them moves it.
    state = bookmarks(expected.iso(newest))
    config = settings(sandbox, lookback_seconds=20 * 86_400, **options)
    tap = start_tap(config, state=state, catalog=catalog("conversations"), encoding=None)
    until_stuck(tap)
    messages = stopped(tap)
    assert sum(message["type"] == "RECORD" for message in messages) > 50
    last = messages[-1]["value"]["bookmarks"]["conversations"]["replication_key_value"]
    assert last == expected.iso(newest)
    evidence(IN_ORDER)


SLEEPING = """
import signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
from tap_dixa.__main__ import main
main()
"""
"""The tap, with a thread that takes the signals, so that none of them ends the main one's wait: as
one does that comes just before the tap begins to wait."""
WAITING = {
    "for a response": {"fault": BrokenResponse("stall", head=False)},
    "in a response": {"fault": STALLS},
    "in a response, unnoticed": {"fault": STALLS, "program": ["-c", SLEEPING]},
    "for a retry": {"fault": Refusal(429, {"Retry-After": "600"}), "says": b"; retrying in "},
    # With both of the minute's windows done, there is nothing but the limit to wait for.
    "for the limit": {"says": b"window 2 of ", "window_days": 7, "requests_per_minute": 2},
}


@SIGNALS
@pytest.mark.parametrize("waiting", WAITING.values(), ids=WAITING)
def test_a_signal_while_the_tap_waits(serve, start_tap, number, waiting, evidence):
    sandbox, config = serve(days=70), dict(waiting)
    fault, says = config.pop("fault", None), config.pop("says", b"")
    options = {"program": config.pop("program")} if "program" in config else {}
    sandbox.behaviour.faults.extend([None, fault] if fault else [])
    config = settings(sandbox, parallel_downloads=1, **config)
    tap = start_tap(config, encoding=None, stderr=subprocess.PIPE, **options)
    read_until(tap.stderr, b"window 1 of ", says)
    wait_until(lambda: len(sandbox.answered) == 2)
    stopped(tap, number)
    assert len(sandbox.answered) == 2
    evidence(IN_ORDER)


DEADLINES = """
import _thread, sys

start = _thread.start_new_thread

def note(function, arguments, *more):
    print("thread", *arguments, file=sys.stderr)
    return start(function, arguments, *more)

_thread.start_new_thread = note
from tap_dixa.__main__ import main
main()
"""
"""The tap, and the arguments of threads that are started without a lock."""


def test_a_deadline_of_less_than_two_seconds_ends_a_run_that_is_stuck_in_a_line(serve, start_tap):
    sandbox = serve(days=20)
    first = {"id": "0", "csid": 7, "created_at": sandbox.data.start, "text": "x" * 3_000_000}
    sandbox.behaviour.faults.append(Odd(json.dumps(first)))
    options = {"program": ["-c", DEADLINES], "stderr": subprocess.PIPE}
    tap = start_tap(settings(sandbox), catalog=catalog("messages"), encoding=None, **options)
    wait_until(lambda: unread(tap) > 500_000)
    tap.send_signal(signal.SIGTERM)
    assert tap.wait(HANG) == 128 + signal.SIGTERM
    assert not tap.stdout.read().endswith(b"\n")
    ((seconds, status),) = re.findall(rb"thread ([\d.]+) (\d+)", tap.stderr.read())
    assert 0 < float(seconds) < 2
    assert int(status) == 128 + signal.SIGTERM


@pytest.mark.slow
def test_signals_that_follow_the_first_one_change_nothing(serve, start_tap, tmp_path, evidence):
    every = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    sandbox, times = serve(conversations=1100, days=20), 40
    for number in range(times):
        log = tmp_path / str(number)
        with log.open("w") as file:
            program = ["-m", "tap_dixa"]  # a fork would not end as Python does
            tap = start_tap(settings(sandbox), program=program, encoding=None, stderr=file)
        output, sent = tap.stdout.read(100_000), every
        if number % 2:  # one signal, and another a little later in each further run
            sent = [every[number % 3], every[number // 3 % 3]]
            tap.send_signal(sent[0])
            time.sleep(0.005 * number)
            tap.send_signal(sent[1])
        while tap.poll() is None and not number % 2:
            for again in every:
                tap.send_signal(again)
            time.sleep(0.0002)
        # Of signals that come at the same time, any may be the first one.
        first = signal.Signals(tap.wait(HANG) - 128)
        assert first in sent
        ends_in_order(tap, first, output)
        assert f"Stopped by {first.name}\n" in log.read_text()
        assert not re.findall("Traceback|ignored", log.read_text())
    evidence(IN_ORDER, times)


UNNOTICED = """
import os, signal, threading, time
from pathlib import Path
from tap_dixa.__main__ import main

def wait():
    while not Path(os.environ["NOW"]).exists():
        time.sleep(0.01)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

threading.Thread(target=wait, daemon=True).start()
main()
"""
"""The tap, and a signal that interrupts no write: the system gives it to another thread. It is the
same if it comes just before a write."""


def test_a_signal_that_interrupts_no_write_ends_the_run_too(serve, start_tap, tmp_path, evidence):
    config, now = settings(serve(conversations=700, days=20)), tmp_path / "now"
    environment = {"NOW": str(now)}
    tap = start_tap(config, program=["-c", UNNOTICED], encoding=None, environment=environment)
    until_stuck(tap)
    output = os.read(tap.stdout.fileno(), 3 * mmap.PAGESIZE)  # room for a part of what comes next
    until_stuck(tap)
    now.touch()
    ends_in_order(tap, signal.SIGTERM, output)
    evidence(IN_ORDER)


def test_nohup_keeps_the_run_from_ending_with_its_terminal(serve, start_tap):
    sandbox = serve(conversations=20, days=5)
    tap = start_tap(
        settings(sandbox),
        encoding=None,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    output = b""
    while part := os.read(tap.stdout.fileno(), 3000):
        output += part
        tap.send_signal(signal.SIGHUP)
    run = ended(tap, output)
    assert run.status == 0
    counts = Counter(message["stream"] for message in run.of("RECORD"))
    assert counts == {s: len(expected.records(sandbox.data, s)) for s in expected.STREAMS}


@SIGNALS
def test_a_signal_while_the_tap_starts(serve, start_tap, number):
    environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    tap = start_tap(
        settings(serve()), encoding=None, stderr=subprocess.PIPE, environment=environment
    )
    # It says what it imports, and gets no further than a page while nobody reads that.
    fcntl.fcntl(tap.stderr.fileno(), fcntl.F_SETPIPE_SZ, mmap.PAGESIZE)
    read_until(tap.stderr, b" singer_sdk.")
    tap.send_signal(number)
    # Before the tap can end in order, the signal ends it.
    assert tap.wait(HANG) == -number
    assert b"Traceback" not in tap.stderr.read()
    assert tap.stdout.read() == b""


def test_a_batch_that_was_interrupted_is_neither_counted_nor_left_behind(
    serve, start_tap, run_tap, tmp_path, evidence
):
    sandbox, files = serve(conversations=500, days=20), tmp_path / "batches"
    # The second window does not come, so the batch after the last full one stays open.
    sandbox.behaviour.faults.extend([None, STALLS])
    config = settings(sandbox, window_days=11, batch_config=batch_config(files, batch_size=100))
    tap = start_tap(config, encoding=None, stderr=subprocess.PIPE)
    read_until(tap.stderr, b"window 1 of ")
    before = set(files.iterdir())
    tap.send_signal(signal.SIGTERM)
    tap.wait(HANG)
    run = ended(tap)
    assert run.status == 128 + signal.SIGTERM
    left = set(files.iterdir())
    assert {Path(u.removeprefix("file://")) for m in run.of("BATCH") for u in m["manifest"]} == left
    assert len(left) == len(before) - 1 > 0
    resumed = checks.succeeded(run_tap(settings(sandbox), state=latest_state(run)))
    arrived = [*batched(run, "conversations"), *resumed.records("conversations")]
    wanted = expected.records(sandbox.data, "conversations")
    assert {record["id"] for record in arrived} == wanted.keys()
    evidence(IN_ORDER)
