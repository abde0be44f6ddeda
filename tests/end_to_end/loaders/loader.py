"""Loaders from the index, each in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.end_to_end.loaders.differences import differences

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.end_to_end.loaders.conftest import Synced

UV = shutil.which("uv") or "uv"
PYTHON = "3.11"
"""The newest that all of these loaders have libraries for; uv finds or downloads it."""


@dataclass(frozen=True)
class Loader:
    """A loader, pinned."""

    command: str
    requirements: tuple[str, ...]
    """What `pip_url` is in Meltano: the package first."""
    environment: dict[str, str] = field(default_factory=dict, hash=False)

    def program(self, *command: str) -> list[str]:
        """Give what starts a command, such as python, in the loader's environment."""
        package, *others = self.requirements
        added = [part for requirement in others for part in ("--with", requirement)]
        options = ["--quiet", "--python", PYTHON, "--from", package, *added]
        return [UV, "tool", "run", *options, *(command or (self.command,))]

    def start(self, folder: Path, config: dict[str, Any], **streams: Any) -> subprocess.Popen:
        """Start the loader in a folder, in a process group of its own."""
        (folder / "target.json").write_text(json.dumps(config))
        return subprocess.Popen(
            [*self.program(), "--config", "target.json"],
            cwd=folder,
            env={**os.environ, **self.environment},
            start_new_session=True,
            **streams,
        )

    def feed(self, folder: Path, config: dict[str, Any], output: str) -> Any:
        """Feed it all of a run's output; give the last state that it confirms."""
        status, log, state = self.end(folder, config, output)
        assert status == 0, log
        return state

    def end(self, folder: Path, config: dict[str, Any], output: str) -> tuple[int, str, Any]:
        """Feed it all of a run's output; give how it ended, its log, and its last state."""
        (folder / "output").write_text(output)
        files = {"stdin": ("output", "r"), "stdout": ("states", "w"), "stderr": ("log", "w")}
        opened = {name: (folder / file).open(mode) for name, (file, mode) in files.items()}
        with self.start(folder, config, **opened) as process:
            pass
        for file in opened.values():
            file.close()
        return process.returncode, (folder / "log").read_text(), last_state(folder / "states")

    def kill(self, folder: Path, config: dict[str, Any], output: str) -> Any:
        """Kill it when it has read a part of an output; give the last state that it confirmed."""
        with (
            (folder / "states").open("w") as states,
            (folder / "log").open("w") as log,
            self.start(folder, config, stdin=subprocess.PIPE, stdout=states, stderr=log) as process,
        ):
            process.stdin.write(output.encode())  # all but what a pipe holds is read
            os.killpg(process.pid, signal.SIGKILL)
        return last_state(folder / "states")


def last_state(file: Path) -> Any:
    """Give the state in the last whole line of what a loader printed."""
    lines = file.read_text().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n") and line.strip()]
    return json.loads(whole[-1]) if whole else None


@dataclass
class Case:
    """A loader, and where the rows are that it loads into a place, such as a schema."""

    loader: Loader
    folder: Path
    config: Callable[[str], dict[str, Any]]
    rows: Callable[[str], dict[str, list[dict[str, Any]]]]

    def load(self, synced: Synced, **compared: Any) -> dict[str, set[str]]:
        """Load two runs, and a backfill that is killed; give what differs each time."""
        found = {}
        config = self.config("whole")
        for when, run, known, gone in (
            ("first", synced.first, synced.known, None),
            ("later", synced.second, synced.changed, synced.known),
        ):
            assert self.loader.feed(self.folder, config, run.output) == run.state
            found[when] = differences(known, self.rows("whole"), gone=gone, **compared)
        config, output = self.config("killed"), synced.first.output
        middle = output.index("\n", len(output) // 2)
        state = self.loader.kill(self.folder, config, output[: middle + 1])
        again = synced.resume(state)
        assert self.loader.feed(self.folder, config, again.output) == again.state
        found["killed"] = differences(synced.known, self.rows("killed"), **compared)
        return found
