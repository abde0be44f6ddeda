"""Two runs of all streams, made once for all loaders of a worker."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.behaviour import Behaviour
from tests.conftest import Clock, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import erase_and_delete, redact
from tests.end_to_end.everything import ALL, EVERY, FEW_CONVERSATIONS, key, records_of
from tests.end_to_end.loaders.loader import Case
from tests.end_to_end.loaders.odd_texts import OddTexts
from tests.faulty_sandbox import FaultySandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Run
    from tests.end_to_end.batches import Rows


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


def odd_sandbox():
    unlimited = Behaviour(requests_per_minute=0, requests_per_second=0)
    return FaultySandbox(OddTexts(150, 10, Clock()), unlimited)


@pytest.fixture(scope="session")
def synced(run_tap):
    resumed = {}
    with ExitStack() as stack:
        sandbox, before = (stack.enter_context(odd_sandbox()) for _ in range(2))

        def sync(sandbox, state):
            config = settings(sandbox, emit_activate_version_messages=True)
            return checks.succeeded(run_tap(config, catalog=catalog(*EVERY), state=state))

        def resume(state):
            name = json.dumps(state)
            if name not in resumed:
                resumed[name] = sync(before, state)
            return resumed[name]

        first = sync(sandbox, FEW_CONVERSATIONS)
        known = records_of(sandbox)
        redact(sandbox)
        erase_and_delete(sandbox)
        second = sync(sandbox, first.state)
        changed = records_of(sandbox)
        resumed[json.dumps(None)] = first
        yield Synced(first, second, emitted(known, first), emitted(changed, first, second), resume)


@pytest.fixture
def load(synced, tmp_path, evidence):
    """Give a function that feeds a loader with two runs, kills it, and gives what differs."""

    def feed(loader, config, rows, **compared):
        evidence("loaders that were fed with all streams")
        return Case(loader, tmp_path, config, rows).load(synced, **compared)

    return feed


def emitted(known, *runs):
    """Add the streams of which the runs' own records say what must be there."""
    return known | {
        stream: {key(stream, record): record for run in runs for record in run.records(stream)}
        for stream in EVERY
        if stream not in ALL
    }
