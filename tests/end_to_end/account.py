"""An account that is synced again and again, each run from where the last one stopped."""

from tests import expected
from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import entries

_OPTIONS = ("program", "environment", "before")


class Account:
    """A sandbox and the runs that synced it.

    A run syncs `streams` if it is not told others. It has the settings in `config`, in which there
    may be options of `run_tap`, too.
    """

    def __init__(self, sandbox, run_tap, streams, config):
        self.sandbox, self.data, self.behaviour = sandbox, sandbox.data, sandbox.behaviour
        self.runs = []
        self._run_tap, self._streams, self._config = run_tap, streams, config
        self._answered = 0

    def sync(self, *streams, state=None, chosen=None, **changes):
        """Run the tap from the last run's state, or from another; with a catalog, if it is given.

        Changes are of settings, or options of `run_tap`.
        """
        if state is None:
            state = next((run.state for run in reversed(self.runs) if run.of("STATE")), None)
        changes = {**self._config, **changes}
        options = {name: changes.pop(name) for name in _OPTIONS if name in changes}
        config = settings(self.sandbox, **changes)
        chosen = chosen or catalog(*(streams or self._streams))
        self._answered = len(self.sandbox.answered)
        self.runs.append(self._run_tap(config, state=state, catalog=chosen, **options))
        return self.runs[-1]

    def synced(self, *streams, **changes):
        """Run the tap, which succeeds."""
        return checks.succeeded(self.sync(*streams, **changes))

    def failure(self, *streams, **changes):
        """Run the tap, which fails with one line: give it."""
        return checks.failed(self.sync(*streams, **changes))

    def source(self, stream, start=0, end=1 << 62):
        """Give the records of an export as Dixa has them."""
        return [*expected.source(self.data, stream, start, end).values()]

    def known(self, stream, start=0, end=1 << 62):
        """Give what the tap must emit of an export, or of the whole log, by id."""
        if stream == "activity_logs":
            return entries(self.sandbox)
        return expected.records(self.data, stream, start, end)

    def has_all(self, stream):
        """The last run emitted an export as it is, each record once, and its bookmark is there."""
        checks.emitted_exactly(self.runs[-1], stream, self.known(stream))
        checks.bookmark_is_the_newest_emitted(self.runs[-1], stream)

    @property
    def answered(self):
        """Path, query and status of each of the last run's requests."""
        return self.sandbox.answered[self._answered :]

    @property
    def paths(self):
        """The paths of the last run's requests."""
        return [path for path, _, _ in self.answered]

    @property
    def logs_asked(self):
        """The conversations whose log the last run requested."""
        return [int(path.split("/")[3]) for path in self.paths if path.count("/") == 4]

    def wait(self, time=HOUR):
        """Put the sandbox's clock forward."""
        self.data.now.now += time

    def is_fresh(self, *streams):
        """What a target holds of the messages, or the log, is what Dixa has now."""
        for stream in streams or self._streams:
            checks.loaded_exactly(stream, self.known(stream), *self.runs)

    def stale_messages(self):
        """Give the messages that Dixa has changed since they were loaded, by id."""
        arrived = checks.loaded("messages", *self.runs)
        known = self.known("messages")
        return {key for key, r in known.items() if checks.plain(r) != checks.plain(arrived[key])}


def refreshed_to(state, stream):
    """Give what a state says about the refresh of a stream."""
    return state["bookmarks"][stream]["refresh"]
