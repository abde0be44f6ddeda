"""Standard output that is closed, full, missing or slow."""

from __future__ import annotations

import os
import subprocess
from collections import Counter

import pytest

from tests import expected
from tests.conftest import both_paths_slowly, settings
from tests.end_to_end.interrupted import until_stuck
from tests.end_to_end.killed import ended
from tests.events import HANG


@both_paths_slowly
@pytest.mark.parametrize("lines", [pytest.param(0, marks=pytest.mark.slow), 200])
def test_a_reader_that_goes_away_ends_the_run_quietly(serve, start_tap, options, lines, evidence):
    sandbox = serve(conversations=400, days=20)
    tap = start_tap(settings(sandbox, **options), encoding=None, stderr=subprocess.PIPE)
    for _ in range(lines):
        tap.stdout.readline()
    tap.stdout.close()
    log = tap.stderr.read()
    assert tap.wait(HANG) == 1
    assert b"Traceback" not in log
    assert b"ERROR" not in log
    evidence("readers that went away")


def test_a_reader_that_goes_away_later_is_noticed(serve, start_tap):
    sandbox = serve(conversations=700, days=20)
    tap = start_tap(settings(sandbox), encoding=None)
    until_stuck(tap)
    tap.stdout.close()
    assert tap.wait(HANG) == 1


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
    sandbox = serve(conversations=300, days=20)
    tap = start_tap(settings(sandbox), encoding=None)
    output = b""
    while part := os.read(tap.stdout.fileno(), 3000):
        output += part
    run = ended(tap, output)
    assert run.status == 0
    counts = Counter(message["record"]["id"] for message in run.of("RECORD"))
    assert set(counts.values()) == {1}
    assert len(counts) == sum(len(expected.records(sandbox.data, s)) for s in expected.STREAMS)
