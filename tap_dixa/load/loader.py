"""Run the tap, and load the files that it announces into a destination."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILES_PER_LOAD = 2
"""After how many files they are loaded. With more, the last ones wait longer for the tap to end."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TAP = (sys.executable, "-P", "-m", "tap_dixa")


class LoadError(Exception):
    """The destination cannot be loaded. The message says what to do."""


@dataclass
class Announced:
    """What the tap has announced since the last load."""

    files: dict[str, list[str]] = field(default_factory=dict)
    """The URLs of BATCH files, by stream."""
    versions: dict[str, int] = field(default_factory=dict)
    """The version of a stream's rows, if all that Dixa has were read."""
    state: Mapping[str, Any] | None = None
    """The state that belongs to the files."""


class Destination(ABC):
    """Tables or files, and the state that belongs to them. One run at a time loads them."""

    root: str
    """The URL of the folder that the tap writes BATCH files to."""
    compression = "none"
    """How they are compressed: ``none`` or ``gzip``."""
    unit = "rows"
    """What is counted."""

    def __init__(self) -> None:
        self.loaded: Counter[str] = Counter()
        """How many were inserted or updated, by stream."""
        self.deleted: Counter[str] = Counter()
        """How many were deleted because Dixa no longer has them, by stream."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Read the state that belongs to what was loaded; empty at first."""

    @abstractmethod
    def prepare(self, stream: str, schema: Mapping[str, Any], keys: Sequence[str]) -> None:
        """Make room for a stream, by the JSON Schema of its records and its primary key."""

    @abstractmethod
    def load(self, announced: Announced) -> None:
        """Load rows and state: all, or nothing if the run is killed meanwhile."""

    @abstractmethod
    def finish(self) -> dict[str, int]:
        """Complete the load, and count what there is now of each stream of this run."""


def run(
    destination: Destination,
    arguments: Sequence[str],
    settings: Mapping[str, Any],
    state: Mapping[str, Any],
    folder: Path,
) -> int:
    """Run the tap, and load what it reads while it reads on.

    Args:
        destination: Where to.
        arguments: The tap's options.
        settings: Settings that count more than those that the options name.
        state: What the tap starts from.
        folder: For files, readable by this user only.

    Returns:
        The tap's exit status, as in a shell.
    """
    batches = {
        "encoding": {"format": "jsonl", "compression": destination.compression},
        "storage": {"root": destination.root},
    }
    ours = {**settings, "batch_config": batches, "emit_activate_version_messages": True}
    # For the tap, a variable counts more than a file.
    variables = {f"TAP_DIXA_{name.upper()}": _text(value) for name, value in ours.items()}
    config_file, state_file = folder / "config.json", folder / "state.json"
    config_file.write_text(json.dumps(ours))
    state_file.write_text(json.dumps(state))
    command = [*_TAP, *arguments, "--config", str(config_file), "--state", str(state_file)]
    environment = {**os.environ, **variables}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as tap:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                # It ends the tap, which ignores all signals but the first, and then this.
                signal.signal(number, lambda number, _: tap.send_signal(number))
        try:
            load(tap.stdout or (), destination)
        except BaseException:
            tap.terminate()
            raise
    return tap.returncode if tap.returncode >= 0 else 128 - tap.returncode


def load(lines: Iterable[bytes], destination: Destination) -> None:
    """Load what the tap's messages announce."""
    announced = Announced()
    for line in lines:
        message = json.loads(line)
        kind, stream = message["type"], message.get("stream", "")
        if kind == "SCHEMA":
            if not message["key_properties"]:
                raise LoadError(f"{stream} needs a primary key: __key_properties__ in stream_maps")
            destination.prepare(stream, message["schema"], message["key_properties"])
        elif kind == "BATCH":
            announced.files.setdefault(stream, []).extend(message["manifest"])
        elif kind == "ACTIVATE_VERSION":
            announced.versions[stream] = message["version"]
        elif kind == "STATE":
            announced.state = message["value"]
            if sum(map(len, announced.files.values())) >= FILES_PER_LOAD:
                destination.load(announced)
                announced = Announced()
    destination.load(announced)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def lock(folder: Path) -> None:
    """Lock a folder until this process ends, or raise LoadError if another run has."""
    try:
        fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise LoadError(f"Another run uses {folder}: wait until it has ended") from None
