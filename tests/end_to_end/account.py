"""An account that is synced again and again, each run from where the last one stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests import expected
from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import entries

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Run
    from tests.faulty_sandbox import FaultySandbox


_OPTIONS = ("program", "environment", "before")


class Account:
    """A sandbox and the runs that synced it.

    Args:
        sandbox: The sandbox.
        run_tap: Runs the tap.
        streams: What a run syncs, if it is not told.
        config: Settings of every run, and what is not one, for `run_tap`.
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

    def sync(self, *streams: str, state: Any = None, chosen: Any = None, **changes: Any) -> Run:
        """Run the tap from the last run's state.

        Args:
            streams: What is synced, if it differs.
            state: Another state.
            chosen: The catalog, if it does more than select.
            changes: Changed settings, and what is not one, for `run_tap`.
        """
        if state is None and self.runs:
            state = self.runs[-1].state
        changes = {**self._config, **changes}
        options = {name: changes.pop(name) for name in _OPTIONS if name in changes}
        config = settings(self.sandbox, **changes)
        chosen = chosen or catalog(*(streams or self._streams))
        self._answered = len(self.sandbox.answered)
        self.runs.append(self._run_tap(config, state=state, catalog=chosen, **options))
        return self.runs[-1]

    def synced(self, *streams: str, **changes: Any) -> Run:
        """Run the tap, which succeeds."""
        return checks.succeeded(self.sync(*streams, **changes))

    def failure(self, *streams: str, **changes: Any) -> str:
        """Run the tap, which fails with one line: give it."""
        return checks.failed(self.sync(*streams, **changes))

    def source(self, stream: str, start: int = 0, end: int = 1 << 62) -> list[dict[str, Any]]:
        """Give the records of an export as Dixa has them."""
        return [*expected.source(self.data, stream, start, end).values()]

    def known(self, stream: str, start: int = 0, end: int = 1 << 62) -> dict[Any, dict[str, Any]]:
        """Give what the tap must emit of an export, or of the whole log, by id."""
        if stream == "activity_logs":
            return entries(self.sandbox)
        return expected.records(self.data, stream, start, end)

    def has_all(self, stream: str) -> None:
        """The last run emitted an export as it is, each record once, and its bookmark is there."""
        checks.emitted_exactly(self.runs[-1], stream, self.known(stream))
        checks.bookmark_is_the_newest_emitted(self.runs[-1], stream)

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

    def is_fresh(self, *streams: str) -> None:
        """What a target holds of the messages, or the log, is what Dixa has now."""
        for stream in streams or self._streams:
            checks.loaded_exactly(stream, self.known(stream), *self.runs)

    def stale_messages(self) -> set[str]:
        """Give the messages that Dixa has changed since they were loaded, by id."""
        arrived = checks.loaded("messages", *self.runs)
        known = self.known("messages")
        return {key for key, r in known.items() if checks.plain(r) != checks.plain(arrived[key])}


def refreshed_to(state: dict[str, Any], stream: str) -> dict[str, Any]:
    """Give what a state says about the refresh of a stream."""
    return state["bookmarks"][stream]["refresh"]
