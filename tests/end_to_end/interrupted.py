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


def stopped(
    tap: subprocess.Popen[Any], number: int = signal.SIGTERM, read: bytes = b""
) -> list[dict[str, Any]]:
    """Stop a run with a signal, while nobody reads what it writes, and see it end in order.

    Args:
        tap: The run.
        number: The signal.
        read: What was read of the run's output.

    Returns:
        All messages, the last of which is a STATE.
    """
    tap.send_signal(number)
    return ends_in_order(tap, number, read)


def ends_in_order(
    tap: subprocess.Popen[Any], number: int, read: bytes = b""
) -> list[dict[str, Any]]:
    """See a run end with whole lines, a last STATE, and the status of a signal that it was sent."""
    assert tap.wait(HANG) == 128 + number
    assert tap.stdout is not None
    output = read + tap.stdout.read()
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
        time.sleep(0.3)
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
