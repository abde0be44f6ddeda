"""Signals that come while the tap waits."""

from __future__ import annotations

import subprocess

import pytest

from tests.conftest import settings
from tests.end_to_end.interrupted import IN_ORDER, ONE_SIGNAL, ends_in_order, interrupt, read_until
from tests.events import wait_until
from tests.faults import BrokenResponse, Refusal

WAITING = {
    "for a response": (BrokenResponse("stall", head=False), b""),
    "in a response": (BrokenResponse("stall", 5000), b""),
    "for a retry": (Refusal(429, {"Retry-After": "600"}), b"; retrying in "),
}


@ONE_SIGNAL
@pytest.mark.parametrize(("fault", "logged"), WAITING.values(), ids=WAITING)
def test_a_signal_while_the_tap_waits(serve, start_tap, number, fault, logged, evidence):
    sandbox = serve(days=70)
    sandbox.behaviour.faults.extend([None, fault])
    config = settings(sandbox, parallel_downloads=1)
    tap = start_tap(config, encoding=None, stderr=subprocess.PIPE)
    read_until(tap.stderr, b"window 1 of ", logged)
    wait_until(lambda: not sandbox.behaviour.faults)
    interrupt(tap, number)
    ends_in_order(tap, number, tap.stdout.read())
    assert len(sandbox.answered) == 2
    evidence(IN_ORDER)


@ONE_SIGNAL
def test_a_signal_while_the_limit_is_waited_for(serve, start_tap, number, evidence):
    sandbox = serve(days=70)
    # One at a time: of several requests that wait for the limit, any may be the next one.
    config = settings(sandbox, window_days=7, requests_per_minute=2, parallel_downloads=1)
    tap = start_tap(config, encoding=None, stderr=subprocess.PIPE)
    # With both of the minute's windows done, there is nothing but the limit to wait for.
    read_until(tap.stderr, b"window 2 of ")
    interrupt(tap, number)
    ends_in_order(tap, number, tap.stdout.read())
    assert len(sandbox.answered) == 2
    evidence(IN_ORDER)


SLEEPING = """
import signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
from tap_dixa.__main__ import main
main()
"""
"""The tap, with a thread that takes the signals, so that none of them ends the main one's wait."""


@ONE_SIGNAL
def test_a_signal_that_wakes_nobody_is_noticed(serve, start_tap, number, evidence):
    # As one that comes just before the tap begins to wait for a response does.
    sandbox = serve(days=70)
    sandbox.behaviour.faults.extend([None, BrokenResponse("stall", 5000)])
    tap = start_tap(
        settings(sandbox), program=["-c", SLEEPING], encoding=None, stderr=subprocess.PIPE
    )
    read_until(tap.stderr, b"window 1 of ")
    wait_until(lambda: not sandbox.behaviour.faults)
    interrupt(tap, number)
    ends_in_order(tap, number, tap.stdout.read())
    evidence(IN_ORDER)
