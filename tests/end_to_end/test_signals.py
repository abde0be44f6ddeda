"""Runs that a signal ends: in order, whenever it comes."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import re
import signal
import subprocess
from collections import Counter

import pytest

from tap_dixa_sandbox.faults import BrokenResponse, Odd
from tests import expected
from tests.conftest import both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.interrupted import (
    IN_ORDER,
    ONE_SIGNAL,
    SIGNALS,
    ends_in_order,
    interrupt,
    read_until,
    unread,
    until_stuck,
)
from tests.end_to_end.killed import ended, latest_state
from tests.events import HANG, wait_until
from tests.states import bookmarks


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
    output = tap.stdout.read(100_000)
    interrupt(tap, number)
    # It stopped although nobody had read the rest yet.
    output += tap.stdout.read()
    messages = ends_in_order(tap, number, output)
    assert set(tmp_path.iterdir()) == before
    records = [m["record"] for m in messages if m["type"] == "RECORD"]
    bookmark = messages[-1]["value"]["bookmarks"]["conversations"]["replication_key_value"]
    assert bookmark <= records[-1]["updated_at"]
    later = [record for record in records if record["updated_at"] > bookmark]
    assert len(later) < 40
    rest = checks.succeeded(run_tap(config, state=messages[-1]["value"], catalog=chosen))
    resumed = rest.records("conversations")
    assert resumed
    arrived = {record["id"]: record for record in [*records, *resumed]}
    checks.same(arrived.values(), expected.records(sandbox.data, "conversations"))
    evidence(IN_ORDER)


@ONE_SIGNAL
@pytest.mark.parametrize("reads", [0, 300_000])
def test_a_loader_that_reads_nothing_does_not_keep_the_tap(
    serve, start_tap, number, reads, evidence
):
    sandbox = serve(conversations=700, days=20)
    tap = start_tap(settings(sandbox), encoding=None)
    output = tap.stdout.read(reads)
    until_stuck(tap)
    interrupt(tap, number)
    ends_in_order(tap, number, output + tap.stdout.read())
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
    interrupt(tap, signal.SIGTERM)
    messages = ends_in_order(tap, signal.SIGTERM, tap.stdout.read())
    assert sum(message["type"] == "RECORD" for message in messages) > 50
    last = messages[-1]["value"]["bookmarks"]["conversations"]["replication_key_value"]
    assert last == expected.iso(newest)
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


@ONE_SIGNAL
def test_a_signal_sets_a_deadline_of_less_than_two_seconds(serve, start_tap, number):
    sandbox = serve()
    sandbox.behaviour.faults.append(BrokenResponse("stall", 5000))
    tap = start_tap(
        settings(sandbox), program=["-c", DEADLINES], encoding=None, stderr=subprocess.PIPE
    )
    wait_until(lambda: not sandbox.behaviour.faults)
    interrupt(tap, number)
    ends_in_order(tap, number, tap.stdout.read())
    ((interval, status),) = re.findall(rb"thread ([\d.]+) (\d+)", tap.stderr.read())
    assert 0 < float(interval) < 2
    assert int(status) == 128 + number


@pytest.mark.slow
def test_signals_that_follow_the_first_one_change_nothing(serve, start_tap, tmp_path, evidence):
    times = 100
    sandbox = serve(conversations=1100, days=20)
    tap = start_tap(
        settings(sandbox),
        catalog=catalog("conversations"),
        program=["-m", "tests.end_to_end.signalled", str(times), str(tmp_path)],
    )
    ends = [json.loads(line) for line in tap.stdout]
    assert tap.wait() == 0
    assert len(ends) == times
    for end in ends:
        # Of signals that come at the same time, any may be the first one.
        first = signal.Signals(end["status"] - 128)
        assert first in end["signals"]
        assert any(line.endswith(f"Stopped by {first.name}") for line in end["log"])
        assert json.loads(end["last line"])["type"] == "STATE"
        assert not [line for line in end["log"] if "Traceback" in line or "ignored" in line]
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
    sandbox, now = serve(conversations=700, days=20), tmp_path / "now"
    environment = {"NOW": str(now)}
    tap = start_tap(
        settings(sandbox), program=["-c", UNNOTICED], encoding=None, environment=environment
    )
    until_stuck(tap)
    output = os.read(tap.stdout.fileno(), 3 * mmap.PAGESIZE)  # room for a part of what comes next
    until_stuck(tap)
    now.touch()
    tap.wait(HANG)
    ends_in_order(tap, signal.SIGTERM, output + tap.stdout.read())
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


def test_the_deadline_ends_a_run_that_is_stuck_in_the_middle_of_a_line(serve, start_tap):
    sandbox = serve(days=20)
    first = {"id": "0", "csid": 7, "created_at": sandbox.data.start, "text": "x" * 3_000_000}
    sandbox.behaviour.faults.append(Odd(json.dumps(first)))
    tap = start_tap(settings(sandbox), catalog=catalog("messages"), encoding=None)
    wait_until(lambda: unread(tap) > 500_000)
    interrupt(tap, signal.SIGTERM)
    assert tap.returncode == 128 + signal.SIGTERM
    assert not tap.stdout.read().endswith(b"\n")


@SIGNALS
def test_a_signal_while_the_tap_starts(serve, start_tap, number):
    tap = start_tap(
        settings(serve()),
        encoding=None,
        stderr=subprocess.PIPE,
        environment={"PYTHONPROFILEIMPORTTIME": "1"},
    )
    # It says what it imports, and gets no further than a page while nobody reads that.
    fcntl.fcntl(tap.stderr.fileno(), fcntl.F_SETPIPE_SZ, mmap.PAGESIZE)
    read_until(tap.stderr, b" singer_sdk.")
    interrupt(tap, number)
    # Before the tap can end in order, the signal ends it.
    assert tap.returncode == -number
    assert b"Traceback" not in tap.stderr.read()
    assert tap.stdout.read() == b""


def test_a_batch_that_was_interrupted_is_neither_counted_nor_left_behind(
    serve, start_tap, run_tap, tmp_path, evidence
):
    sandbox = serve(conversations=500, days=20)
    files = tmp_path / "batches"
    batches = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": files.as_uri()},
        "batch_size": 100,
    }
    # The second window does not come, so the batch after the last full one stays open.
    sandbox.behaviour.faults.extend([None, BrokenResponse("stall", 5000)])
    tap = start_tap(
        settings(sandbox, window_days=11, batch_config=batches),
        encoding=None,
        stderr=subprocess.PIPE,
    )
    read_until(tap.stderr, b"window 1 of ")
    before = set(files.iterdir())
    interrupt(tap, signal.SIGTERM)
    stopped = ended(tap)
    assert stopped.status == 128 + signal.SIGTERM
    named = [url for message in stopped.of("BATCH") for url in message["manifest"]]
    left = set(files.iterdir())
    assert sorted(path.as_uri() for path in left) == sorted(named)
    assert len(left) == len(before) - 1 > 0
    resumed = checks.succeeded(run_tap(settings(sandbox), state=latest_state(stopped)))
    arrived = {record["id"] for record in resumed.records("conversations")}
    for path in left:
        arrived.update(json.loads(line)["id"] for line in path.read_text().splitlines())
    assert arrived == expected.records(sandbox.data, "conversations").keys()
    evidence(IN_ORDER)
