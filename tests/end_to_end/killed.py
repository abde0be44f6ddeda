"""Runs of the tap that are killed, or stopped."""

from tests.conftest import Run


def ended(tap, output=b""):
    """Read the rest of a run's output; give what a loader makes of it: its whole lines."""
    output += tap.stdout.read()
    whole = output[: output.rfind(b"\n") + 1]
    run = Run(tap.wait(), whole.decode(), "")
    assert len(run.messages) == whole.count(b"\n")
    return run
