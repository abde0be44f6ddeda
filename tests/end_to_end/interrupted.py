"""Runs of the tap that a signal ends before they are done."""

from __future__ import annotations

import fcntl
import json
import signal
import sys
import termios
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.events import HANG, wait_until

if TYPE_CHECKING:
    import subprocess

SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
"""Mark a test of both signals."""
ONE_SIGNAL = pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
"""Mark a test that is quick with one of them."""
IN_ORDER = "signals after which a run ended in order"
"""What such a test counts."""


def interrupt(tap: subprocess.Popen[Any], number: int) -> None:
    """Send a signal, and wait for the end, while nobody reads what the tap writes."""
    tap.send_signal(number)
    tap.wait(HANG)


def ends_in_order(tap: subprocess.Popen[Any], number: int, output: bytes) -> list[dict[str, Any]]:
    """Check for whole lines, a STATE as the last one, and the status; give the messages."""
    assert tap.returncode == 128 + number, tap.returncode
    assert output.endswith(b"\n")
    messages = [json.loads(line) for line in output.splitlines()]
    assert messages[-1]["type"] == "STATE"
    return messages


def unread(tap: subprocess.Popen[Any]) -> int:
    """Count the bytes that lie in the pipe from the tap."""
    assert tap.stdout is not None
    waiting = fcntl.ioctl(tap.stdout.fileno(), termios.FIONREAD, bytes(4))
    return int.from_bytes(waiting, sys.byteorder)


def until_stuck(tap: subprocess.Popen[Any]) -> None:
    """Wait until the pipe is full and the tap waits for room.

    A pipe is made of pages. If lines are written one by one, each leaves a part of one unused.
    """
    sizes = [0, 1]

    def stuck() -> bool:
        assert tap.poll() is None
        time.sleep(0.5)
        sizes.append(unread(tap))
        return sizes[-1] > 200_000 and len(set(sizes[-3:])) == 1

    wait_until(stuck)


def read_until(stream: Any, *texts: Any) -> Any:
    """Read lines until all texts were in them; give what was read."""
    read = texts[0][:0]
    while not all(text in read for text in texts):
        line = stream.readline()
        assert line, f"it ended without {texts}: {read!r}"
        read += line
    return read
