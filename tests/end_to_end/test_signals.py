"""Runs that a signal ends: in order, whenever it comes."""

import fcntl
import json
import mmap
import os
import re
import signal
import subprocess
import time
from collections import Counter

import pytest

from tests import expected
from tests.conftest import both_paths_slowly, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config, emitted
from tests.end_to_end.interrupted import (
    SIGNALS,
    ended,
    ends_in_order,
    read_until,
    stopped,
    unread,
    until_stuck,
)
from tests.events import HANG, wait_until
from tests.faults import BrokenResponse, Odd, Refusal
from tests.states import bookmarks

STALLS = BrokenResponse("stall", 5000)
MANY = {"conversations": 1100, "days": 20}
FEW = {"conversations": 700, "days": 20}


@pytest.fixture
def start(start_tap):
    """Give a function that starts the tap, for some streams of a sandbox, with its log in a pipe.

    What its output says is bytes. In place of the tap, code can be started.
    """

    def run(sandbox, *streams, code=None, options=None, **config):
        process = {"encoding": None, "stderr": subprocess.PIPE, **(options or {})}
        if streams:
            process["catalog"] = catalog(*streams)
        if code:
            process["program"] = ["-c", code]
        return start_tap(settings(sandbox, **config), **process)

    return run


@both_paths_slowly
@SIGNALS
def test_an_interrupted_run_resumes_where_it_stopped(
    serve, start, run_tap, number, options, tmp_path
):
    sandbox, chosen = serve(**MANY), catalog("conversations")
    environment = {"environment": {"TMPDIR": str(tmp_path)}}
    tap = start(sandbox, "conversations", options=environment, **options)
    before = {*tmp_path.iterdir()}
    messages = stopped(tap, number, tap.stdout.read(100_000))
    assert {*tmp_path.iterdir()} == before
    records = [m["record"] for m in messages if m["type"] == "RECORD"]
    state = messages[-1]["value"]
    bookmark = state["bookmarks"]["conversations"]["replication_key_value"]
    assert bookmark <= records[-1]["updated_at"]
    assert sum(record["updated_at"] > bookmark for record in records) < 40
    rest = checks.succeeded(run_tap(settings(sandbox, **options), state=state, catalog=chosen))
    resumed = rest.records("conversations")
    assert resumed
    arrived = {record["id"]: record for record in [*records, *resumed]}
    checks.same(arrived.values(), expected.records(sandbox.data, "conversations"))


@both_paths_slowly
def test_the_last_message_is_a_state_even_if_it_says_nothing_new(serve, start, options):
    sandbox = serve(conversations=1600, days=20)
    newest = max(c["updated_at"] for c in expected.source(sandbox.data, "conversations").values())
    # All records are older than the bookmark: none of them moves it.
    state = {"state": bookmarks(expected.iso(newest))}
    long = {"lookback_seconds": 20 * 86_400, **options}
    tap = start(sandbox, "conversations", options=state, **long)
    until_stuck(tap)
    messages = stopped(tap)
    assert sum(message["type"] == "RECORD" for message in messages) > 50
    last = messages[-1]["value"]["bookmarks"]["conversations"]["replication_key_value"]
    assert last == expected.iso(newest)


SLEEPING = """
import signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
from tap_dixa.__main__ import main
main()
"""
"""The tap, with a thread that takes the signals, so that none of them ends the main one's wait: as
one does that comes just before the tap begins to wait."""


@pytest.mark.parametrize("code", [None, SLEEPING], ids=["", "unnoticed"])
def test_a_loader_that_reads_nothing_does_not_keep_the_tap(serve, start, code):
    tap = start(serve(**FEW), code=code)
    output = tap.stdout.read(300_000)
    until_stuck(tap)
    stopped(tap, read=output)


WAITING = {  # what the second request meets, what the log says then, and how the tap is started
    "for a response": ([BrokenResponse("stall", head=False)], b"", {}),
    "in a response": ([STALLS], b"", {}),
    "in a response, unnoticed": ([STALLS], b"", {"code": SLEEPING}),
    "for a retry": ([Refusal(429, {"Retry-After": "600"})], b": waiting 6", {}),
    # With both of the minute's windows done, there is nothing but the limit to wait for.
    "for the limit": ([], b"window 2 of ", {"window_days": 7, "requests_per_minute": 2}),
}


@SIGNALS
@pytest.mark.parametrize(("faults", "says", "options"), WAITING.values(), ids=WAITING)
def test_a_signal_while_the_tap_waits(serve, start, number, faults, says, options):
    sandbox = serve(days=70, faults=[None, *faults])
    tap = start(sandbox, parallel_downloads=1, **options)
    read_until(tap.stderr, b"window 1 of ", says)
    wait_until(lambda: len(sandbox.answered) == 2)
    stopped(tap, number)
    assert len(sandbox.answered) == 2


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


def test_a_deadline_of_less_than_two_seconds_ends_a_run_that_is_stuck_in_a_line(serve, start):
    sandbox = serve(days=20)
    first = {"id": "0", "csid": 7, "created_at": sandbox.data.start, "text": "x" * 3_000_000}
    sandbox.behaviour.faults.append(Odd(json.dumps(first)))
    tap = start(sandbox, "messages", code=DEADLINES)
    wait_until(lambda: unread(tap) > 500_000)
    tap.send_signal(signal.SIGTERM)
    assert tap.wait(HANG) == 128 + signal.SIGTERM
    assert not tap.stdout.read().endswith(b"\n")
    ((seconds, status),) = re.findall(rb"thread ([\d.]+) (\d+)", tap.stderr.read())
    assert 0 < float(seconds) < 2
    assert int(status) == 128 + signal.SIGTERM


@pytest.mark.slow
def test_signals_that_follow_the_first_one_change_nothing(serve, start):
    every = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    sandbox, times = serve(**MANY), 20
    for number in range(times):
        # A fork would not end as Python does.
        tap = start(sandbox, options={"program": ["-m", "tap_dixa"]})
        output, sent = tap.stdout.read(100_000), every
        if number % 2:  # one signal, and another a little later in each further run
            sent = [every[number % 3], every[number // 3 % 3]]
            tap.send_signal(sent[0])
            time.sleep(0.01 * number)
            tap.send_signal(sent[1])
        while tap.poll() is None and not number % 2:
            for again in every:
                tap.send_signal(again)
            time.sleep(0.0002)
        # Of signals that come at the same time, any may be the first one.
        first = signal.Signals(tap.wait(HANG) - 128)
        assert first in sent
        ends_in_order(tap, first, output)
        log = tap.stderr.read().decode()
        assert f"Stopped by {first.name}\n" in log
        assert not re.findall("Traceback|ignored", log)


def test_nohup_keeps_the_run_from_ending_with_its_terminal(serve, start):
    sandbox, output = serve(conversations=20, days=5), b""
    tap = start(sandbox, options={"before": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)})
    while part := os.read(tap.stdout.fileno(), 3000):
        output += part
        tap.send_signal(signal.SIGHUP)
    run = ended(tap, output)
    assert run.status == 0
    counts = Counter(message["stream"] for message in run.of("RECORD"))
    assert counts == {s: len(expected.records(sandbox.data, s)) for s in expected.STREAMS}


@SIGNALS
def test_a_signal_while_the_tap_starts(serve, start, number):
    tap = start(serve(), options={"environment": {"PYTHONPROFILEIMPORTTIME": "1"}})
    # It says what it imports, and gets no further than a page while nobody reads that.
    fcntl.fcntl(tap.stderr.fileno(), fcntl.F_SETPIPE_SZ, mmap.PAGESIZE)
    read_until(tap.stderr, b" singer_sdk.")
    tap.send_signal(number)
    # Before the tap can end in order, the signal ends it.
    assert tap.wait(HANG) == -number
    assert b"Traceback" not in tap.stderr.read()
    assert tap.stdout.read() == b""


def test_a_batch_that_was_interrupted_is_neither_counted_nor_left_behind(
    serve, start, run_tap, tmp_path
):
    # The second window does not come, so the batch after the last full one stays open.
    sandbox, files = serve(conversations=500, days=20, faults=[None, STALLS]), tmp_path / "batches"
    batches = {"batch_config": batch_config(files, batch_size=100)}
    tap = start(sandbox, window_days=11, **batches)
    read_until(tap.stderr, b"window 1 of ")
    before = len([*files.iterdir()])
    tap.send_signal(signal.SIGTERM)
    tap.wait(HANG)
    run = ended(tap)
    assert run.status == 128 + signal.SIGTERM
    left = {path.as_uri() for path in files.iterdir()}
    assert {url for message in run.of("BATCH") for url in message["manifest"]} == left
    assert len(left) == before - 1 > 0
    resumed = checks.succeeded(run_tap(settings(sandbox), state=run.state))
    arrived = [*emitted(run, "conversations"), *resumed.records("conversations")]
    wanted = expected.records(sandbox.data, "conversations")
    assert {record["id"] for record in arrived} == wanted.keys()
