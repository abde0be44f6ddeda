"""End a run on a signal, with a last STATE unless it writes BATCH files."""

import _thread
import atexit
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any, cast

from singer_sdk import Tap
from singer_sdk.singerlib import StateMessage

from tap_dixa.progress import ProgressBar
from tap_dixa.singer.stdout import StdoutWriter

_LAST_SECONDS = 1.5
"""How long an interrupted run may take to end, whatever it is waiting for."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handle_hangup(handler: Callable[[int, FrameType | None], None]) -> None:
    """Let a handler end the run when its terminal is closed, unless it was started with nohup."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, handler)


def end_run(
    tap: Tap, signum: int, progress_bar: ProgressBar | None, log_summary: Callable[[], None]
) -> None:
    """End a run: after the line that is being written, with a last STATE, within a deadline.

    It is called in the handler of the first signal, and takes the bar away from the terminal.
    """
    status = 128 + signum  # as in a shell

    def last_words() -> None:
        # A batch counts in the state before it counts on disk: its last STATE is right.
        if not tap.config.get("batch_config"):
            # Written even if it repeats the one before: the state writer would omit it.
            with suppress(BrokenPipeError):
                tap.message_writer.write_message(StateMessage(value=tap.state))
        log_summary()
        tap.logger.info("Stopped by %s", signal.Signals(signum).name)
        sys.exit(status)

    # It takes no lock: what the signal interrupted may hold it.
    _thread.start_new_thread(_exit_after, (_LAST_SECONDS, status))
    # A log line that the signal came into is lost: nobody needs to know where.
    logging.raiseExceptions = False
    sys.unraisablehook = ignore
    # Python gives signals back to the system before it is done: no second one disturbs the end.
    atexit.register(_ignore_signals)
    if progress_bar is not None:
        with suppress(RuntimeError):  # the signal came into a write to the terminal
            progress_bar.hide()
    cast("StdoutWriter", tap.message_writer).interrupt(last_words)


def _exit_after(seconds: float, status: int) -> None:
    time.sleep(seconds)
    os._exit(status)


def ignore(_: Any) -> None:
    """Take an exception that Python cannot raise, in place of writing it to the log."""


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
