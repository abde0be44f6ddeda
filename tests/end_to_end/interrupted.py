"""Runs of the tap that a signal ends before they are done."""

import fcntl
import json
import signal
import sys
import termios
import time

import pytest

from tests.conftest import Run
from tests.events import HANG, wait_until

SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
"""Mark a test of both signals."""


def stopped(tap, number=signal.SIGTERM, read=b""):
    """Stop a run with a signal, while nobody reads what it writes, and see it end in order.

    Give all messages, with those that were read before.
    """
    tap.send_signal(number)
    return ends_in_order(tap, number, read)


def ends_in_order(tap, number, read=b""):
    """See a run end with whole lines, a last STATE, and the status of a signal that it was sent."""
    assert tap.wait(HANG) == 128 + number
    output = read + tap.stdout.read()
    assert output.endswith(b"\n")
    messages = [json.loads(line) for line in output.splitlines()]
    assert messages[-1]["type"] == "STATE"
    return messages


def unread(tap):
    """Count the bytes that lie in the pipe from the tap."""
    waiting = fcntl.ioctl(tap.stdout.fileno(), termios.FIONREAD, bytes(4))
    return int.from_bytes(waiting, sys.byteorder)


def until_stuck(tap):
    """Wait until the pipe is full and the tap waits for room.

    A pipe is made of pages. If lines are written one by one, each leaves a part of one unused.
    """
    sizes = [0, 1]

    def stuck():
        assert tap.poll() is None
        time.sleep(0.3)
        sizes.append(unread(tap))
        return sizes[-1] > 200_000 and len(set(sizes[-3:])) == 1

    wait_until(stuck)


def read_until(stream, *texts):
    """Read lines until all texts were in them; give what was read."""
    read = texts[0][:0]
    while not all(text in read for text in texts):
        line = stream.readline()
        assert line, f"it ended without {texts}: {read!r}"
        read += line
    return read


def ended(tap, output=b""):
    """Read the rest of a run's output; give what a loader makes of it: its whole lines."""
    output += tap.stdout.read()
    whole = output[: output.rfind(b"\n") + 1]
    run = Run(tap.wait(), whole.decode(), "")
    assert len(run.messages) == whole.count(b"\n")
    return run
