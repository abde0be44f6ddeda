"""Runs that end before they are done: killed, interrupted, or left by their reader."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from collections import Counter
from random import Random

import pytest

from tap_dixa.sandbox.faults import BrokenAnswer, Refusal
from tests import expected
from tests.conftest import both_ways, settings
from tests.end_to_end import checks


def whole_messages(output: bytes):
    """Read what a loader makes of an output that may end in the middle of a line."""
    return [json.loads(line) for line in output.splitlines(keepends=True) if line.endswith(b"\n")]


def latest_state(messages, before):
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    return states[-1] if states else before


@both_ways
def test_killed_again_and_again_nothing_is_lost_and_little_repeated(
    serve, start_tap, way, evidence
):
    sandbox = serve(conversations=2500, days=70)
    config = settings(sandbox, window_days=20, **way)
    random = Random(4)
    state, kills, emitted = None, 0, 0
    arrived = {stream: {} for stream in expected.STREAMS}
    while True:
        tap = start_tap(config, state=state, encoding=None)
        if kills < 6:
            # After a while, or after a number of bytes: somewhere in what is being written.
            output = tap.stdout.read(random.randrange(700_000))
            time.sleep(random.random() / 10)
            tap.kill()
            output += tap.stdout.read()
            kills += tap.wait() == -signal.SIGKILL
        else:
            output, _ = tap.communicate()
        messages = whole_messages(output)
        for message in messages:
            if message["type"] == "RECORD":
                arrived[message["stream"]][message["record"]["id"]] = message["record"]
                emitted += 1
        state = latest_state(messages, state)
        assert tap.wait() in {0, -signal.SIGKILL}
        if tap.wait() == 0:
            break
    assert kills >= 4
    wanted = {stream: expected.records(sandbox.data, stream) for stream in expected.STREAMS}
    assert arrived == wanted
    total = sum(map(len, wanted.values()))
    assert emitted <= 1.2 * total
    evidence("kills survived", kills)
    evidence("records of the killed backfills", total)
    evidence("records repeated because of the kills", emitted - total)
    evidence("records lost because of the kills", 0)


def ends_in_order(tap, number, output: bytes, seconds: float):
    """Whole lines, a last STATE that speaks of no more than what was written, in time."""
    assert tap.returncode == 128 + number
    assert seconds < 2
    assert output.endswith(b"\n")
    messages = [json.loads(line) for line in output.splitlines()]
    assert messages[-1]["type"] == "STATE"
    return messages


def interrupt(tap, number):
    begun = time.monotonic()
    tap.send_signal(number)
    tap.wait(10)
    return time.monotonic() - begun


def until_stuck(tap):
    """Wait until the pipe is full and the tap waits for room."""
    size, before = 0, -1
    while size < 900_000 or size != before:
        assert tap.poll() is None
        time.sleep(0.5)
        waiting = fcntl.ioctl(tap.stdout.fileno(), termios.FIONREAD, bytes(4))
        size, before = int.from_bytes(waiting, sys.byteorder), size


SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@both_ways
@SIGNALS
def test_an_interrupted_run_resumes_where_it_stopped(
    serve, start_tap, number, way, tmp_path, evidence
):
    sandbox = serve(conversations=2500, days=20)
    config = settings(sandbox, **way)
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    tap = start_tap(config, encoding=None, env=environment)
    before = set(tmp_path.iterdir())
    output = tap.stdout.read(2_000_000)
    seconds = interrupt(tap, number)
    # It stopped although nobody had read the rest yet.
    output += tap.stdout.read()
    messages = ends_in_order(tap, number, output, seconds)
    assert set(tmp_path.iterdir()) == before
    records = [m["record"] for m in messages if m["type"] == "RECORD"]
    bookmark = messages[-1]["value"]["bookmarks"]["conversations"]["replication_key_value"]
    assert bookmark <= records[-1]["updated_at"]
    later = [record for record in records if record["updated_at"] > bookmark]
    assert len(later) < 40
    rest, _ = start_tap(config, state=messages[-1]["value"], encoding=None).communicate()
    records += [
        message["record"]
        for message in whole_messages(rest)
        if message.get("stream") == "conversations" and message["type"] == "RECORD"
    ]
    arrived = {record["id"]: record for record in records}
    assert arrived == expected.records(sandbox.data, "conversations")
    evidence("signals answered in order within two seconds")


@SIGNALS
@pytest.mark.parametrize("reads", [0, 300_000])
def test_a_loader_that_reads_nothing_does_not_keep_the_tap(
    serve, start_tap, number, reads, evidence
):
    sandbox = serve(conversations=2500, days=20)
    tap = start_tap(settings(sandbox), encoding=None)
    output = tap.stdout.read(reads)
    until_stuck(tap)
    seconds = interrupt(tap, number)
    ends_in_order(tap, number, output + tap.stdout.read(), seconds)
    evidence("signals answered in order within two seconds")


WAITING = {
    "for an answer": BrokenAnswer("stall", head=False),
    "in an answer": BrokenAnswer("stall", 5000),
    "for another try": Refusal(429, {"Retry-After": "60"}),
}


@SIGNALS
@pytest.mark.parametrize("fault", WAITING.values(), ids=WAITING)
def test_a_signal_while_the_tap_waits(serve, start_tap, number, fault, evidence):
    sandbox = serve(days=70)
    sandbox.behaviour.faults.extend([None, fault])
    tap = start_tap(settings(sandbox), encoding=None)
    output = b""
    while b'"replication_key_value":' not in output.rpartition(b'{"type":"STATE"')[2]:
        output += tap.stdout.readline()
    time.sleep(0.5)
    seconds = interrupt(tap, number)
    ends_in_order(tap, number, output + tap.stdout.read(), seconds)
    evidence("signals answered in order within two seconds")


@SIGNALS
def test_a_signal_while_the_limit_is_waited_for(serve, start_tap, number, evidence):
    sandbox = serve(days=70)
    tap = start_tap(settings(sandbox, window_days=7, requests_per_minute=2), encoding=None)
    while len(sandbox.answered) < 2:
        time.sleep(0.05)
    time.sleep(0.5)
    seconds = interrupt(tap, number)
    ends_in_order(tap, number, tap.stdout.read(), seconds)
    evidence("signals answered in order within two seconds")


@SIGNALS
def test_a_signal_while_the_tap_starts(serve, start_tap, number):
    sandbox = serve()
    for milliseconds in range(100, 700, 250):
        tap = start_tap(settings(sandbox), encoding=None, stderr=subprocess.PIPE)
        time.sleep(milliseconds / 1000)
        seconds = interrupt(tap, number)
        output, log = tap.communicate()
        # Before the tap can end in order, the signal ends it.
        assert tap.returncode in {-number, 128 + number, 0}
        assert seconds < 2
        # Python itself answers before the tap's first line of code.
        assert b"singer_sdk" not in log.partition(b"Traceback")[2]
        assert not output or output.endswith(b"\n")


def test_a_batch_that_was_interrupted_is_neither_counted_nor_left_behind(
    serve, start_tap, run_tap, tmp_path, evidence
):
    sandbox = serve(conversations=4_000, days=20)
    files = tmp_path / "batches"
    batches = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": files.as_uri()},
        "batch_size": 1_500,
    }
    tap = start_tap(settings(sandbox, batch_config=batches), encoding=None)
    output = b""
    while b'{"type":"BATCH"' not in output:
        output += tap.stdout.readline()
    time.sleep(0.05)
    seconds = interrupt(tap, signal.SIGTERM)
    output += tap.stdout.read()
    assert tap.returncode == 128 + signal.SIGTERM
    assert seconds < 2
    messages = whole_messages(output)
    assert len(messages) == output.count(b"\n")
    named = [url for message in messages for url in message.get("manifest", [])]
    assert sorted(path.as_uri() for path in files.iterdir()) == sorted(named)
    state = latest_state(messages, None)
    resumed = run_tap(settings(sandbox), state=state)
    checks.succeeded(resumed)
    arrived = {record["id"] for record in resumed.records("conversations")}
    for url in named:
        lines = open(url.removeprefix("file://")).read().splitlines()  # noqa: SIM115, PTH123
        arrived.update(json.loads(line)["id"] for line in lines)
    assert arrived >= expected.records(sandbox.data, "conversations").keys()
    evidence("signals answered in order within two seconds")


@both_ways
@pytest.mark.parametrize("lines", [0, 200])
def test_a_reader_that_goes_away_ends_the_run_quietly(serve, start_tap, way, lines, evidence):
    sandbox = serve(conversations=1500, days=20)
    tap = start_tap(settings(sandbox, **way), encoding=None, stderr=subprocess.PIPE)
    for _ in range(lines):
        tap.stdout.readline()
    tap.stdout.close()
    log = tap.stderr.read()
    assert tap.wait(10) == 1
    assert b"Traceback" not in log
    assert b"ERROR" not in log
    evidence("readers that went away")


def test_a_reader_that_goes_away_later_is_noticed(serve, start_tap):
    sandbox = serve(conversations=2500, days=20)
    tap = start_tap(settings(sandbox), encoding=None)
    until_stuck(tap)
    tap.stdout.close()
    assert tap.wait(5) == 1


def test_a_full_disk_behind_standard_output_is_said_in_one_line(serve, start_tap):
    sandbox = serve()
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        tap = start_tap(settings(sandbox), stdout=full, stderr=subprocess.PIPE)
        log = tap.stderr.read()
    assert tap.wait() == 1
    assert log.count("ERROR") == 1
    assert "No space left on device" in log
    assert "Traceback" not in log


def test_no_standard_output_is_said_in_one_line(serve, start_tap):
    sandbox = serve()
    tap = start_tap(
        settings(sandbox), stderr=subprocess.PIPE, stdout=None, preexec_fn=lambda: os.close(1)
    )
    log = tap.stderr.read()
    assert tap.wait() == 1
    assert "nowhere to write" in log
    assert "Traceback" not in log


def test_every_record_is_emitted_once_through_a_narrow_pipe(serve, start_tap):
    sandbox = serve(conversations=900, days=20)
    tap = start_tap(settings(sandbox), encoding=None)
    output = b""
    while part := os.read(tap.stdout.fileno(), 3000):
        output += part
    assert tap.wait() == 0
    counts = Counter(m["record"]["id"] for m in whole_messages(output) if m["type"] == "RECORD")
    assert set(counts.values()) == {1}
    assert len(counts) == sum(len(expected.records(sandbox.data, s)) for s in expected.STREAMS)
