"""What somebody sees who runs the tap by hand, its messages in a pipe or a file."""

import os
import re
import signal
import subprocess
from threading import Thread

import pytest

from tests.conftest import catalog, settings
from tests.end_to_end.interrupted import stopped
from tests.events import wait_until
from tests.faults import BrokenResponse, Refusal

LOGGED = re.compile(r"\d{4}-\d\d-\d\d [\d:,]{12} \| (INFO|WARNING) +\| [\w.-]+ +\| .+")
DRAWN = (
    r"conversations: 1 of 2 windows \|[ █▏▎▍▌▋▊▉]+\| "
    r"([\d,]+) records, \d+ MB, about \d\d:\d\d left"
)


class Terminal:
    """Takes what is written to a terminal: letters, and the two characters that move its cursor."""

    def __init__(self):
        self._ours, self.theirs = os.openpty()
        self.written = ""
        self._reading = Thread(target=self._read)
        self._reading.start()

    def _read(self):
        while True:
            try:
                self.written += os.read(self._ours, 1 << 16).decode()
            except OSError:  # so Linux says that nobody is left who could write
                break

    def wait_for(self, text):
        wait_until(lambda: text in self.written)

    def close(self):
        os.close(self.theirs)
        self._reading.join()
        os.close(self._ours)

    def has_log_lines_alone(self):
        """Nothing is to be seen but the log; give its lines."""
        assert "\x1b" not in self.written  # nor is anything else changed about the terminal
        assert self.written[-1] in "\r\n"
        seen = []
        for line in self.written.split("\n"):
            shown = ""
            for text in line.split("\r"):
                shown = text + shown[len(text) :]
            seen.append(shown.rstrip())
        *lines, last = seen
        assert last == ""
        assert all(LOGGED.fullmatch(line) for line in lines), lines
        return lines


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    terminal.close()


def start(start_tap, sandbox, terminal, **options):
    chosen = catalog("conversations")
    return start_tap(settings(sandbox), catalog=chosen, stderr=terminal.theirs, **options)


def test_a_bar_stands_for_the_windows_and_the_rest_is_logged_above_it(serve, start_tap, terminal):
    # A wait, so that there is a bar, and a second warning while it is drawn.
    sandbox = serve(days=40, faults=[None, Refusal(503), Refusal(503)])
    tap = start(start_tap, sandbox, terminal, program=["-m", "tap_dixa"], stdout=subprocess.PIPE)
    output, _ = tap.communicate()
    assert tap.wait() == 0
    terminal.wait_for("Next run: ")
    bars = re.findall(DRAWN, terminal.written)
    assert bars
    assert 0 < int(bars[0].replace(",", "")) < output.count('"RECORD"')
    lines = terminal.has_log_lines_alone()
    assert not any("window 1 of 2" in line or "METRIC" in line for line in lines)
    assert sum("WARNING" in line and "Dixa responded with 503" in line for line in lines) == 2


def test_a_signal_takes_the_bar_away(serve, start_tap, terminal):
    sandbox = serve(days=40, faults=[BrokenResponse("stall", 5000)])
    tap = start(start_tap, sandbox, terminal, encoding=None)
    terminal.wait_for("conversations: 0 of 2 windows |")
    stopped(tap, signal.SIGINT)
    terminal.wait_for("Stopped by SIGINT\r\n")
    terminal.has_log_lines_alone()
