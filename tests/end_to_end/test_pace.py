"""Time and memory, as far as they can be promised on any machine."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import expected
from tests.conftest import EXPORTS, catalog, settings
from tests.end_to_end import checks

LAUNCH = Path(__file__).parents[2] / "benchmarks" / "launch.py"


@pytest.mark.waits_a_minute
def test_a_backfill_is_never_refused_and_waits_no_longer_than_it_must(serve, run_tap):
    sandbox = serve(days=71, requests_per_minute=10)
    run = run_tap(settings(sandbox, window_days=6, requests_per_minute=10))
    checks.succeeded(run)
    for stream in expected.STREAMS:
        assert len(checks.requests(sandbox, stream)) == 12
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
    since = [arrival - sandbox.arrived[0] for arrival in sandbox.arrived]
    # The limit lets the first ten go at once, the next ten after a minute, the rest after two.
    assert since[9] < 20
    assert 60 <= since[10] < 64
    assert 120 <= since[20] < 126


def test_a_slow_server_and_a_slow_reader_work_side_by_side(serve, start_tap):
    takes, windows = 0.4, 10
    # So few that a STATE comes at the end of each window only.
    sandbox = serve(conversations=80, days=windows - 1, seconds=takes)
    tap = start_tap(settings(sandbox, window_days=1))
    read, begun = 0, None
    for line in iter(tap.stdout.readline, ""):
        message = json.loads(line)
        if message.get("stream") == "messages":
            break
        if message["type"] == "STATE":
            # A window has been read. The reader takes as long over it as the server.
            begun = begun or time.monotonic()
            read += 1
            time.sleep(takes)
    waited = time.monotonic() - begun
    assert read >= windows
    # One after the other it would be 2 x takes a window.
    assert waited < 1.4 * takes * windows


def test_a_reader_that_stops_stops_the_downloads_one_window_ahead(serve, start_tap):
    sandbox = serve(conversations=4000, days=20)
    tap = start_tap(settings(sandbox, window_days=7))
    while len(sandbox.answered) < 2:
        time.sleep(0.1)
    time.sleep(2)  # enough for a third one
    assert tap.poll() is None
    assert len(sandbox.answered) == 2


def peak_of(command):
    """Run a command; give the most memory it had, in MB."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", LAUNCH, os.devnull, *command],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[1])


def test_the_measure_of_memory_measures():
    peak = peak_of([sys.executable, "-c", "b'x' * 150_000_000"])
    assert 150 < peak < 200


@pytest.mark.parametrize("batches", [False, True], ids=["records", "batches"])
def test_memory_does_not_grow_with_the_month(serve, tmp_path, batches):
    peaks = []
    for conversations in (200, 5000):
        sandbox = serve(conversations=conversations, days=20)
        config = settings(sandbox)
        if batches:
            config["batch_config"] = {
                "encoding": {"format": "jsonl", "compression": "gzip"},
                "storage": {"root": tmp_path.as_uri()},
            }
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        chosen = tmp_path / "catalog.json"
        chosen.write_text(json.dumps(catalog(*EXPORTS)))
        tap = [sys.executable, "-m", "tap_dixa", "--config", str(path), "--catalog", str(chosen)]
        peaks.append(peak_of(tap))
    assert peaks[1] < 100
    assert peaks[1] - peaks[0] < 8


def test_starting_costs_little_more_than_the_sdk():
    def seconds(*arguments):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime

    # In turn, and the best of each: other processes share these cores.
    pairs = [
        (seconds("-c", "import singer_sdk"), seconds("-m", "tap_dixa", "--version"))
        for _ in range(5)
    ]
    sdk, tap = (min(times) for times in zip(*pairs, strict=True))
    assert tap < 1.3 * sdk
