"""Runs of the tap that are killed, and the runs that resume them."""

from __future__ import annotations

import signal
from typing import IO, TYPE_CHECKING, Any

from tests.conftest import Run

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable


def ended(tap: subprocess.Popen[Any], output: bytes = b"") -> Run:
    """Read the rest of a run's output; give what a loader makes of it: its whole lines."""
    assert tap.stdout is not None
    output += tap.stdout.read()
    whole = output[: output.rfind(b"\n") + 1]
    run = Run(tap.wait(), whole.decode(), "")
    assert len(run.messages) == whole.count(b"\n")
    return run


def latest_state(run: Run, before: Any = None) -> Any:
    """Give the value of a run's last STATE, or what was there before if there is none."""
    return run.state if run.of("STATE") else before


def killed_and_resumed(
    start: Callable[..., subprocess.Popen[Any]], most: int, read: Callable[[IO[Any]], bytes]
) -> list[Run]:
    """Kill a run, resume it from its state, and so on until one ends; give all of them.

    Args:
        start: Starts a run.
        most: How often to kill.
        read: Reads from a run's output until the run is to be killed.
    """
    runs: list[Run] = []
    state = None
    while not runs or runs[-1].status:
        tap, output = start(state=state, encoding=None), b""
        if len(runs) < most:
            assert tap.stdout is not None
            output = read(tap.stdout)
            tap.kill()
        runs.append(ended(tap, output))
        assert runs[-1].status in {0, -signal.SIGKILL}
        state = latest_state(runs[-1], state)
    return runs
