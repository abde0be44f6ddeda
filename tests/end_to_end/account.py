"""An account that is synced again and again, each run from where the last one stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests import expected
from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks, refreshed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Run
    from tests.faulty_sandbox import FaultySandbox


class Account:
    """A sandbox and the runs that synced it.

    Args:
        sandbox: The sandbox.
        run_tap: Runs the tap.
        streams: What a run syncs, if it is not told.
        config: Settings of every run.
    """

    def __init__(
        self,
        sandbox: FaultySandbox,
        run_tap: Callable[..., Run],
        streams: tuple[str, ...],
        config: dict[str, Any],
    ) -> None:
        self.sandbox, self.data, self.behaviour = sandbox, sandbox.data, sandbox.behaviour
        self.runs: list[Run] = []
        self._run_tap, self._streams, self._config = run_tap, streams, config
        self._answered = 0

    def sync(self, *streams: str, state: Any = None, program: Any = None, **changes: Any) -> Run:
        """Run the tap from the last run's state, or another one, with changed settings."""
        state = state or (self.runs[-1].state if self.runs else None)
        config = settings(self.sandbox, **{**self._config, **changes})
        options = {"program": program} if program else {}
        chosen = catalog(*(streams or self._streams))
        self._answered = len(self.sandbox.answered)
        self.runs.append(self._run_tap(config, state=state, catalog=chosen, **options))
        return self.runs[-1]

    @property
    def answered(self) -> list[tuple[str, dict[str, str], int]]:
        """Path, query and status of each of the last run's requests."""
        return self.sandbox.answered[self._answered :]

    @property
    def paths(self) -> list[str]:
        """The paths of the last run's requests."""
        return [path for path, _, _ in self.answered]

    @property
    def logs_asked(self) -> list[int]:
        """The conversations whose log the last run requested."""
        return [int(path.split("/")[3]) for path in self.paths if path.count("/") == 4]

    def wait(self, time: int = HOUR) -> None:
        """Put the sandbox's clock forward."""
        self.data.now.now += time

    def log_is_fresh(self) -> None:
        """What a target holds of the log is what Dixa has now."""
        refreshed.log_is_fresh(self.sandbox, *self.runs)

    def messages_are_fresh(self) -> None:
        """What a target holds of the messages is what Dixa has now."""
        refreshed.messages_are_fresh(self.sandbox, *self.runs)

    def stale_messages(self) -> set[str]:
        """Give the messages that Dixa has changed since they were loaded, by id."""
        arrived = checks.loaded("messages", *self.runs)
        known = expected.records(self.data, "messages")
        return {key for key, r in known.items() if checks.plain(r) != checks.plain(arrived[key])}


def refreshed_to(run: Run, stream: str) -> dict[str, Any]:
    """Give what a run's state says about the refresh of a stream."""
    return run.state["bookmarks"][stream]["refresh"]
