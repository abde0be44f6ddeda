"""The tap in a process of its own, without the half second that its imports take each time."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import time
from multiprocessing.reduction import DupFd
from pathlib import Path
from tempfile import mkstemp

from tap_dixa.__main__ import main

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "tap_dixa.__main__",
        "tap_dixa.tap",
        "tap_dixa.rate_limit",
        "tests.forks",
    ]
)


def run(
    arguments: list[str], folder: Path, environment: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Run the tap to its end; give its status, standard output and log.

    Args:
        arguments: The tap's arguments.
        folder: Where there is room for its log.
        environment: Variables that are set before the tap begins, none of them Python's own.
    """
    log = Path(mkstemp(dir=folder)[1])
    reader, writer = os.pipe()
    with os.fdopen(reader, encoding="utf-8") as output:
        tap = _FORKS.Process(
            target=_run, args=(arguments, DupFd(writer), str(log), environment or {})
        )
        tap.start()
        os.close(writer)
        text = output.read()
    tap.join()
    return tap.exitcode, text, log.read_text(encoding="utf-8")


def _run(arguments, output, log, environment):
    gc.freeze()  # what was imported stays
    os.environ.update(environment)
    time.tzset()
    os.dup2(output.detach(), 1)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 2)
    sys.argv = ["tap-dixa", *arguments]
    main()
