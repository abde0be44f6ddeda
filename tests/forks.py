"""The tap in a process of its own, without the half second that its imports take each time.

Nor does it wait for the Dixa API's limit, which the sandbox does not have unless it is told to.
Between a request and its retry, and after a 429 before any request, it waits a hundredth of what it
says. A test of either starts ``python -m tap_dixa``.
"""

import fcntl
import gc
import multiprocessing
import os
import subprocess
import sys
import time
from multiprocessing.reduction import DupFd
from types import SimpleNamespace

from backoff import _sync

from tap_dixa.http import retries, session

PIPE_SIZE = 1 << 19
"""How much room the tap has in a pipe that a test does not read yet, in bytes."""

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "tap_dixa.__main__",
        "tap_dixa.tap",
        "tap_dixa.http.session",
        "tests.forks",
    ]
)


class Fork:
    """A run of the tap that goes on. It has what `subprocess.Popen` has and tests use.

    The environment is set before the tap begins, so it has none of Python's own variables.
    """

    def __init__(
        self,
        arguments,
        environment,
        code,
        *,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ):
        self.stdout, output, opened = _end(stdout, encoding)
        self.stderr, log, opened_too = _end(stderr, encoding)
        self._process = _FORKS.Process(
            target=_run, args=(arguments, DupFd(output), DupFd(log), environment or {}, code)
        )
        self._process.start()
        for descriptor in opened + opened_too:
            os.close(descriptor)

    @property
    def pid(self):
        return self._process.pid

    @property
    def returncode(self):
        return self._process.exitcode

    poll = returncode.fget

    def wait(self, timeout=None):
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("tap-dixa", timeout)
        return self.returncode

    def communicate(self):
        output = self.stdout.read()
        self.wait()
        return output, None

    def send_signal(self, number):
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self):
        self._process.kill()


def _end(given, encoding):
    """Give the file to read from, the descriptor to write to, and those to close here."""
    if given == subprocess.PIPE:
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
        file = os.fdopen(reader, "r" if encoding else "rb", encoding=encoding)
        return file, writer, [writer]
    if given == subprocess.DEVNULL:
        null = os.open(os.devnull, os.O_WRONLY)
        return None, null, [null]
    return None, given if isinstance(given, int) else given.fileno(), []


def _run(arguments, output, log, environment, code):
    gc.freeze()  # what was imported stays
    session.BURST_INTERVAL, session.PATIENCE = 1, session.PATIENCE / 100
    _sync.time = retries.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 100))
    hold = session.LimitedSession.hold
    session.LimitedSession.hold = lambda limited, seconds: hold(limited, seconds / 100)
    os.environ.update(environment)
    time.tzset()
    for number, descriptor in ((1, output), (2, log)):
        mine = descriptor.detach()
        os.dup2(mine, number)
        os.close(mine)
    sys.argv = ["tap-dixa", *arguments]
    exec(code, {"__name__": "__main__"})  # noqa: S102 (a test's own)
