"""Standard output that is closed, full, missing or slow."""

import os
import pty
import socket
import subprocess
import sys
import time
import tty
from collections import Counter
from contextlib import suppress

import pytest

from tests import expected
from tests.conftest import Run, both_paths_slowly, settings
from tests.end_to_end.interrupted import until_stuck
from tests.events import HANG


@both_paths_slowly
@pytest.mark.parametrize("lines", [pytest.param(0, marks=pytest.mark.slow), 200, None])
def test_a_reader_that_goes_away_ends_the_run_quietly(serve, start_tap, options, lines):
    sandbox = serve(conversations=700, days=20)
    tap = start_tap(settings(sandbox, **options), encoding=None, stderr=subprocess.PIPE)
    if lines is None:
        until_stuck(tap)
    for _ in range(lines or 0):
        tap.stdout.readline()
    tap.stdout.close()
    log = tap.stderr.read()
    assert tap.wait(HANG) == 1
    assert b"Traceback" not in log
    assert b"ERROR" not in log


def full():
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


def missing():
    os.close(1)


@pytest.mark.parametrize(
    ("output", "said"), [(full, "No space left on device"), (missing, "nowhere to write")]
)
def test_an_output_that_takes_nothing_is_said_in_one_line(serve, start_tap, output, said):
    tap = start_tap(settings(serve()), stderr=subprocess.PIPE, stdout=None, before=output)
    log = tap.stderr.read()
    assert tap.wait() == 1
    assert log.count("ERROR") + log.count("CRITICAL") <= 1
    assert said in log
    assert "Traceback" not in log


def a_terminal():
    reader, writer = pty.openpty()
    tty.setraw(writer)
    return reader, writer


ENDS = {
    "a pipe": os.pipe,
    "a socket": lambda: [end.detach() for end in socket.socketpair()],
    "a terminal": a_terminal,
    "a file": lambda: [os.open("output", flag) for flag in (os.O_RDONLY, os.O_WRONLY)],
}
FULL_FOR_A_WHILE = 0.3
"""How long the reader of a test waits before it reads, in seconds."""
# The parent may do so at any time: the file is its own as well.
UNBLOCKED = """
import os
from tap_dixa.__main__ import main
os.set_blocking = lambda *_: None
main()
"""


@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("ends", ENDS)
def test_every_record_is_emitted_whatever_standard_output_is(
    serve, start_tap, tmp_path, monkeypatch, ends, blocks
):
    sandbox = serve(conversations=300, days=20)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "output").touch()
    reader, writer = ENDS[ends]()
    os.set_blocking(writer, blocks)
    arguments = {} if blocks else {"program": ["-c", UNBLOCKED]}
    tap = start_tap(settings(sandbox), stdout=writer, encoding=None, **arguments)
    os.close(writer)
    if ends == "a file":
        tap.wait(HANG)
    time.sleep(FULL_FOR_A_WHILE)
    output = b""
    with open(reader, "rb", buffering=0) as file, suppress(OSError):  # noqa: PTH123
        while part := file.read(3_000):  # a terminal ends with an error
            output += part
    run = Run(tap.wait(HANG), output.decode(), "")
    assert run.status == 0
    counts = Counter(message["record"]["id"] for message in run.of("RECORD"))
    assert set(counts.values()) == {1}
    assert len(counts) == sum(len(expected.records(sandbox.data, s)) for s in expected.STREAMS)


@pytest.mark.parametrize("argument", ["--discover", "--about"])
def test_descriptions_are_whole_if_standard_output_does_not_block(argument):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    command = [sys.executable, "-m", "tap_dixa", argument]
    with subprocess.Popen(command, stdout=writer, stderr=writer) as tap:
        os.close(writer)
        time.sleep(FULL_FOR_A_WHILE)
        with open(reader, "rb") as file:  # noqa: PTH123
            output = file.read()
    assert tap.returncode == 0
    assert b"BlockingIOError" not in output
    assert argument == "--about" or output.rstrip().endswith(b"}")
