"""Run the tap many times, each in a fork of this process, and end it with more than one signal.

Prints how each run ended, as a line of JSON. The arguments are how often,
a folder for the logs, and those of the tap.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

from tap_dixa import rate_limit, tap  # noqa: F401 (each run would import them again)
from tap_dixa.__main__ import main

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
READ_BEFORE = 100_000
"""How many bytes of messages are read before the first signal."""
STEP = 0.002
"""How much later the second signal comes in each further run, in seconds."""


def run(arguments, log):
    """Become the tap, with its messages in a pipe; return its process and the pipe here."""
    reader, writer = os.pipe()
    if process := os.fork():
        os.close(writer)
        return process, os.fdopen(reader, "rb")
    os.dup2(writer, 1)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 2)
    sys.argv = ["tap-dixa", *arguments]
    main()
    sys.exit()


def signal_until_it_ends(process, number):
    """Send two signals, or one after the other until the end; give them, and how it ended."""
    first, second = (SIGNALS[(number // by) % len(SIGNALS)] for by in (1, 2))
    os.kill(process, first)
    if number % 2:
        time.sleep(STEP * number)
        os.kill(process, second)
        return [first, second], os.waitpid(process, 0)[1]
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return SIGNALS, status
        for again in SIGNALS:
            os.kill(process, again)
        time.sleep(STEP / 10)


def report(times, arguments, folder):
    for number in range(times):
        log = Path(folder, str(number))
        process, messages = run(arguments, log)
        with messages:
            read = messages.read(READ_BEFORE)
            signals, status = signal_until_it_ends(process, number)
            lines = (read + messages.read()).splitlines()
        end = {
            "signals": signals,
            "status": os.waitstatus_to_exitcode(status),
            "last line": lines[-1].decode(),
            "log": log.read_text().splitlines(),
        }
        sys.stdout.write(json.dumps(end) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    report(int(sys.argv[1]), sys.argv[3:], sys.argv[2])
