"""Compare the tap with the SDK's plain one and with msgspec alone, and show its memory.

Usage: python benchmarks/compare.py [--conversations N] [--growth N] [--rounds N]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from tap_dixa.timestamps import DAY, to_rfc3339
from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.exports_api import as_json

HERE = Path(__file__).parent
NOW = 1_773_230_400_000
"""When the data ends: 2026-03-11T12:00:00Z."""
DAYS = 30
SMALL = 20_000
"""What the growth of memory starts from."""


def render(folder: Path, conversations: int, lines: Path | None = None) -> Path:
    """Write a month's answer, as the sandbox gives it; to `lines`, its records a line each."""
    path = folder / f"{conversations}.json"
    data = DataSet(conversations, DAYS, lambda: NOW)

    def records() -> Iterator[dict[str, Any]]:
        with (lines or Path(os.devnull)).open("wb") as file:
            for record in data.conversations({"updated": lambda moment: moment < NOW}):
                file.write(msgspec.json.encode(record) + b"\n")
                yield record

    with path.open("wb") as whole:
        whole.writelines(as_json(records()))
    return path


class Answer(BaseHTTPRequestHandler):
    """Sends one file for every conversation export: a server that costs next to nothing."""

    protocol_version = "HTTP/1.1"
    path_to_send: Path

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        if "conversation" not in self.path:
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")
            return
        with self.path_to_send.open("rb") as file:
            self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
            self.end_headers()
            self.connection.sendfile(file)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def measure(command: list[str], output: str = os.devnull) -> tuple[float, float]:
    """Run a command with its output in a file; give its seconds and its peak memory in MB."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    launcher = [sys.executable, "-I", "-S", str(HERE / "launch.py"), output, *command]
    done = subprocess.run(launcher, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}")
    seconds, peak, _ = done.stdout.split()
    return float(seconds), float(peak)


def compare(commands: dict[str, tuple[list[str], str]], rounds: int) -> None:
    """Run the commands in turn, several times, and print medians and ratios."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, (command, output) in commands.items():
            results[name].append(measure(command, output))
    base = statistics.median(seconds for seconds, _ in results["plain SDK tap"])
    print(f"{'':<22}{'median s':>9}{'fastest s':>10}{'peak MB':>9}{'times plain':>13}")
    for name, runs in results.items():
        seconds = [second for second, _ in runs]
        peak = max(peak for _, peak in runs)
        median = statistics.median(seconds)
        print(f"{name:<22}{median:>9.2f}{min(seconds):>10.2f}{peak:>9.0f}{base / median:>12.1f}x")


def exports() -> dict[str, Any]:
    """Give a catalog that selects the two exports: nothing else is served here."""
    command = [sys.executable, "-m", "tap_dixa", "--discover"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    names = {"conversations", "messages"}
    return {"streams": [s for s in found["streams"] if s["tap_stream_id"] in names]}


def main() -> None:
    """Build the data, run everything, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--growth", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        config: dict[str, Any] = {
            "api_token": "benchmark",
            "exports_api_url": f"http://127.0.0.1:{server.server_port}",
            "start_date": to_rfc3339((NOW // DAY - DAYS) * DAY),
            "end_date": to_rfc3339(NOW),
        }
        batch = {
            "encoding": {"format": "jsonl", "compression": "gzip"},
            "storage": {"root": folder.as_uri(), "prefix": "batch-"},
        }
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "batch.json").write_text(json.dumps({**config, "batch_config": batch}))
        (folder / "catalog.json").write_text(json.dumps(exports()))
        tap = [sys.executable, "-m", "tap_dixa", "--catalog", str(folder / "catalog.json")]
        tap += ["--config"]

        lines = folder / "records.jsonl"
        Answer.path_to_send = render(folder, options.conversations, lines)
        size = Answer.path_to_send.stat().st_size / 1e6
        print(
            f"About {options.conversations:,} conversations of one month, {size:.0f} MB of JSON, "
            f"{os.cpu_count()} cores, median of {options.rounds}:\n"
        )
        plain = [sys.executable, str(HERE / "plain_tap.py"), "--config"]
        compare(
            {
                "tap-dixa": ([*tap, str(folder / "config.json")], os.devnull),
                "plain SDK tap": ([*plain, str(folder / "config.json")], os.devnull),
                "msgspec alone": ([sys.executable, str(HERE / "floor.py"), str(lines)], os.devnull),
                "import singer_sdk": ([sys.executable, "-c", "import singer_sdk"], os.devnull),
                "records to a file": ([*tap, str(folder / "config.json")], str(folder / "out")),
                "BATCH to files": ([*tap, str(folder / "batch.json")], os.devnull),
            },
            options.rounds,
        )
        lines.unlink()
        Answer.path_to_send.unlink()

        print("\ntap-dixa's peak memory, all in one window:\n")
        for conversations in (SMALL, options.growth):
            Answer.path_to_send = render(folder, conversations)
            seconds, peak = measure([*tap, str(folder / "config.json")])
            Answer.path_to_send.unlink()
            print(f"{conversations:>12,} conversations {seconds:>7.1f} s {peak:>6.0f} MB")


if __name__ == "__main__":
    main()
