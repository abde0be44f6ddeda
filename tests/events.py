"""Wait for what happens, however long a busy machine takes over it."""

import time

HANG = 120
"""What takes longer than this hangs, in seconds. Nothing that is tested comes near it."""


def wait_until(event):
    """Look again and again until there is something; give it."""
    until = time.monotonic() + HANG
    while not (found := event()):
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.01)
    return found
