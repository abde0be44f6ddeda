"""Measure the times that the documents promise: a start of the tap, and its end after a signal.

No test asserts them: on a machine that others use, too, they say little. Run it on an idle one.

Usage: python -m benchmarks.promises [--rounds N]
"""

import argparse
import json
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from tap_dixa.timestamps import to_rfc3339
from tap_dixa_sandbox.dataset import DataSet
from tests.behaviour import Behaviour
from tests.faults import BrokenResponse, Refusal
from tests.faulty_sandbox import FaultySandbox

NOW = 1_773_230_400_000
"""When the data ends: 2026-03-11T12:00:00Z."""
TAP = (sys.executable, "-m", "tap_dixa")
STREAMS = {"conversations", "messages"}


def processor_seconds(*command: str) -> float:
    """Run a command; give the processor's time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def starts(rounds: int) -> None:
    """Compare a start of the tap with the SDK's imports."""
    pairs = [
        (
            processor_seconds(sys.executable, "-c", "import singer_sdk"),
            processor_seconds(*TAP, "--version"),
        )
        for _ in range(rounds)
    ]
    # The best of each: other processes share the cores.
    sdk, tap = (min(times) for times in zip(*pairs, strict=True))
    print(f"import singer_sdk {sdk:.2f} s, tap-dixa --version {tap:.2f} s: {tap / sdk:.2f} times")


def in_the_log(text: str) -> Callable[[subprocess.Popen[str]], None]:
    """Wait for a line of the log; end with an error if it has not come after a minute."""

    def wait(tap: subprocess.Popen[str]) -> None:
        log: IO[str] = tap.stderr  # type: ignore[assignment]
        too_long = threading.Timer(60, tap.kill)
        too_long.start()
        try:
            if not any(text in line for line in log):
                sys.exit(f"not in the log of the tap, which has ended: {text}")
        finally:
            too_long.cancel()

    return wait


def full_pipe(tap: subprocess.Popen[str]) -> None:
    """Wait until nobody has read for a while."""
    in_the_log("conversations")(tap)
    time.sleep(3)


def ends(rounds: int) -> None:
    """Measure how long a run takes to end after a signal, whatever it waits for."""
    waits: dict[str, tuple[list[Any], dict[str, Any], Callable[..., None]]] = {
        "in the middle of a response": (
            [None, BrokenResponse("stall", 5000)], {}, in_the_log("window 1 of")
        ),
        "before another try": (
            [Refusal(429, {"Retry-After": "600"})], {}, in_the_log("another run perhaps: waiting ")
        ),
        "for the rate limit": (
            # One at a time: of several requests that wait for the limit, any may be the next one.
            [],
            {"requests_per_minute": 2, "window_days": 7, "parallel_downloads": 1},
            in_the_log("window 2 of"),
        ),
        "for a reader that reads nothing": ([], {}, full_pipe),
    }  # fmt: skip
    for what, (faults, changes, until) in waits.items():
        seconds = [
            end(faults, changes, until, number)
            for number in (signal.SIGTERM, signal.SIGINT)
            for _ in range(rounds)
        ]
        print(f"{what:<34}{statistics.median(seconds):>8.2f} s{max(seconds):>8.2f} s")


def end(
    faults: list[Any], changes: dict[str, Any], until: Callable[..., None], number: int
) -> float:
    """Interrupt a run of its own; give the seconds until it has ended."""
    data = DataSet(3000 if until is full_pipe else 300, 70, lambda: NOW)
    with (
        FaultySandbox(data, Behaviour(requests_per_minute=0)) as sandbox,
        tempfile.TemporaryDirectory() as scratch,
    ):
        sandbox.behaviour.faults.extend(faults)
        config = {
            "api_token": sandbox.behaviour.token,
            "exports_api_url": sandbox.url,
            "dixa_api_url": sandbox.url,
            "start_date": to_rfc3339(data.start),
            "end_date": to_rfc3339(NOW),
            "requests_per_minute": 6000,
            **changes,
        }
        options = []
        for name, content in (("config", config), ("catalog", catalog())):
            path = Path(scratch) / f"{name}.json"
            path.write_text(json.dumps(content))
            options += [f"--{name}", str(path)]
        stdout = subprocess.PIPE if until is full_pipe else subprocess.DEVNULL
        with subprocess.Popen(
            [*TAP, *options], stdout=stdout, stderr=subprocess.PIPE, text=True
        ) as tap:
            try:
                until(tap)
                begun = time.monotonic()
                tap.send_signal(number)
                tap.wait(timeout=60)
                return time.monotonic() - begun
            finally:
                tap.kill()


def catalog() -> dict[str, Any]:
    """Give a catalog that selects the two exports."""
    found = json.loads(subprocess.run([*TAP, "--discover"], capture_output=True, check=True).stdout)
    return {"streams": [s for s in found["streams"] if s["tap_stream_id"] in STREAMS]}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"Best of {options.rounds}; no more than 1.3 times on an idle machine:\n")
    starts(options.rounds)
    print("\nFrom a signal to the end, while the tap waits; no more than two seconds:\n")
    print(f"{'':<34}{'median':>10}{'slowest':>10}")
    ends(options.rounds)


if __name__ == "__main__":
    main()
