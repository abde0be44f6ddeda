"""Windows that cannot be exported at once are halved: nothing is lost, little is asked twice."""

from threading import Lock
from types import SimpleNamespace

import requests
from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.download.windows import LONGEST, SHORTEST, Window, WindowLength, split
from tap_dixa.errors import TooMuchError
from tap_dixa.http.retries import Retries
from tap_dixa.http.run import Report
from tap_dixa.http.session import LimitedSession
from tap_dixa.read.window_reader import WindowReader
from tests.conftest import DAY, HOUR

START = 1_735_689_600_123
TOO_MUCH, OUTAGE = TooMuchError("413"), requests.ReadTimeout()
LIMITS = [HOUR, 2 * HOUR, 6 * HOUR, 25 * HOUR, 3 * DAY, 7 * DAY]
MOST_HALVINGS = 10
"""From 31 days to less than an hour."""

limits = st.sampled_from(LIMITS) | st.integers(HOUR, 32 * DAY)
spans = st.integers(1, 100 * DAY) | st.integers(1, 100).map(lambda days: days * DAY)
window_days = st.integers(1, 31)
months = st.integers(2, 36)


class Response:
    """What is on disk of a window."""

    def __init__(self, window, service):
        self.window, self._service = window, service

    def close(self):
        self._service.open -= 1


class Service:
    """Exports windows up to a length, and counts what it is asked for."""

    stream = "stream"

    def __init__(self, limit, ahead):
        settings = SimpleNamespace(parallel_downloads=ahead)
        self.run = SimpleNamespace(settings=settings, report=Report())
        self._limit = limit
        self._lock = Lock()
        self.session = LimitedSession(1000, 1000)
        self.served = self.refused = self.open = self.most_open = 0
        self.lines = []

    def retries(self):
        return Retries(self.session, self.stream, self.warn)

    def warn(self, message, *args, **_):
        self.lines.append(message % args)

    def download(self, window, retries):
        return retries.call(self._export, window)

    def _export(self, window):
        with self._lock:
            if window.length > self._limit:
                self.refused += 1
                raise TOO_MUCH
            self.served += 1
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            return Response(window, self)


def few(windows, limit):
    """Count the fewest windows that are short enough."""
    return sum(-(-window.length // limit) for window in windows)


@given(limits, spans, window_days, st.sampled_from([1, 2, 4]))
@example(DAY, 62 * DAY, 31, 1)
@example(HOUR, 5 * DAY, 31, 4)
@example(LONGEST - 1, 100 * DAY, 31, 2)
def test_windows_are_halved_until_each_can_be_exported(limit, span, days, ahead):
    windows, service = split(START, START + span, days), Service(limit, ahead)
    edge = START
    for response in WindowReader(service, service.download).spools(windows):
        assert response.window.start == edge  # in order, without gap or overlap
        assert response.window.earliest == START
        edge = response.window.end
        response.close()
    assert edge == START + span
    assert service.served <= 2 * few(windows, limit)
    assert service.refused <= MOST_HALVINGS + ahead
    assert service.most_open <= ahead + 1
    assert service.open == 0
    told = [line for line in service.lines if "cannot export more than" in line]
    assert len(told) == (service.refused > 0)


@given(st.integers(1, 40 * DAY), st.integers(HOUR, 32 * DAY))
def test_parts_are_equal(length, longest):
    parts = []
    rest = Window(START, START + length)
    while rest is not None:
        part, rest = rest.cut(longest)
        parts.append(part.length)
    assert sum(parts) == length
    assert len(parts) == -(-length // longest)
    assert max(parts) - min(parts) <= 1


def export(length, windows, fails):
    """Request windows as the fetcher does; give the lengths of those that succeed and that fail."""
    succeeded, failed = [], []
    for window in windows:
        rest = window
        while rest is not None:
            part, _ = rest.cut(length.longest)
            if error := fails(part, len(succeeded) + len(failed)):
                failed.append(part.length)
                if part.length > SHORTEST:
                    length.failed(part, error)
            else:
                succeeded.append(part.length)
                length.succeeded(part)
                rest = None if part.end == rest.end else Window(part.end, rest.end)
    return succeeded, failed


@given(limits, months, window_days)
def test_a_length_that_fails_without_a_reason_is_tried_once_more(limit, months, days):
    windows = split(START, START + months * 31 * DAY, days)
    length = WindowLength()
    succeeded, failed = export(
        length, windows, lambda part, _: OUTAGE if part.length > limit else None
    )
    assert sum(succeeded) == months * 31 * DAY
    # To less than an hour, and one more after each time that it has grown again.
    assert len(failed) <= MOST_HALVINGS + 1
    assert len(succeeded) <= 2 * few(windows, limit) + 1


@given(limits | st.just(32 * DAY), st.integers(0, 60), st.integers(1, 12), months, window_days)
def test_after_an_outage_windows_are_long_again(limit, before, outage, months, days):
    windows = split(START, START + months * 31 * DAY, days)
    down = range(before, before + outage)

    def fails(part, requests):
        if requests in down:
            return OUTAGE
        return TOO_MUCH if part.length > limit else None

    succeeded, failed = export(WindowLength(), windows, fails)
    assert sum(succeeded) == months * 31 * DAY
    assert len(succeeded) <= 2 * few(windows, limit) + MOST_HALVINGS
    assert len(failed) <= MOST_HALVINGS + outage
