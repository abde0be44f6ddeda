"""What a run does besides its last words when a signal ends it."""

from __future__ import annotations

import _thread
import atexit
import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

_LAST_SECONDS = 1.5
"""How long an interrupted run may take to end, whatever it is waiting for."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handle_hangup(handler: Callable[[int, FrameType | None], None]) -> None:
    """Let a handler end the run when its terminal is closed, unless it was started with nohup."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, handler)


def begin_to_end(status: int) -> None:
    """Set a deadline, and see to it that no second signal disturbs the end.

    It is called in a signal's handler, so it takes no lock: what was interrupted may hold it.

    Args:
        status: The exit status of a run that misses the deadline.
    """
    _thread.start_new_thread(_exit_after, (_LAST_SECONDS, status))
    # A log line that the signal came into is lost: nobody needs to know where.
    logging.raiseExceptions = False
    sys.unraisablehook = ignore
    # Python gives signals back to the system before it is done.
    atexit.register(_ignore_signals)


def _exit_after(seconds: float, status: int) -> None:
    time.sleep(seconds)
    os._exit(status)


def ignore(_: Any) -> None:
    """Take an exception that Python cannot raise, in place of writing it to the log."""


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
