"""Loaders from the index, each in an environment of its own."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import Run
from tests.end_to_end.batches import Rows
from tests.end_to_end.tables import differences

UV = shutil.which("uv") or "uv"
PYTHON = "3.11"
"""The newest that all of these loaders have libraries for; uv finds or downloads it."""


@dataclass
class Synced:
    """What the tap wrote in a backfill and an hour later, and what a loader must hold then."""

    first: Run
    second: Run
    known: Rows
    """Every record after the first run."""
    changed: Rows
    """Every record after the second: some are new, erased or gone."""
    resume: Callable[..., Run]
    """Runs the tap at the time of the first run, from a state."""


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

    def load(
        self, folder: Path, config: dict[str, Any], output: str, *, kill: bool = False
    ) -> tuple[int, str, Any]:
        """Feed it a run's output, working in a folder, and kill it when it has read that.

        Returns:
            Its status, its log, and the last state that it confirmed.
        """
        (folder / "target.json").write_text(json.dumps(config))
        with (
            (folder / "states").open("w") as states,
            (folder / "log").open("w") as log,
            subprocess.Popen(
                [*self.program(), "--config", "target.json"],
                cwd=folder,
                env={**os.environ, **self.environment},
                start_new_session=True,
                stdin=subprocess.PIPE,
                stdout=states,
                stderr=log,
            ) as process,
        ):
            if kill:
                process.stdin.write(output.encode())  # all but what a pipe holds is read
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.communicate(output.encode())
        lines = (folder / "states").read_text().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n") and line.strip()]
        state = json.loads(whole[-1]) if whole else None
        return process.returncode, (folder / "log").read_text(), state


@dataclass
class Case:
    """A loader, and where the rows are that it loads into a place, such as a schema."""

    loader: Loader
    folder: Path
    config: Callable[[str], dict[str, Any]]
    rows: Callable[[str], dict[str, list[dict[str, Any]]]]

    def load(self, synced: Synced) -> dict[str, set[str]]:
        """Load two runs, and a backfill that is killed; give what differs each time."""
        found = {}
        for when, run, known, gone in (
            ("first", synced.first, synced.known, None),
            ("later", synced.second, synced.changed, synced.known),
        ):
            self._feed("whole", run)
            found[when] = differences(known, self.rows("whole"), gone=gone)
        output = synced.first.output
        part = output[: output.index("\n", len(output) // 2) + 1]
        _, _, state = self.loader.load(self.folder, self.config("killed"), part, kill=True)
        self._feed("killed", synced.resume(state))
        found["killed"] = differences(synced.known, self.rows("killed"))
        return found

    def _feed(self, place, run):
        """Feed the loader all of a run's output: it confirms the last state."""
        status, log, state = self.loader.load(self.folder, self.config(place), run.output)
        assert (status, state) == (0, run.state), log
