"""Two runs of all streams, made once for all loaders of a worker."""

import os
from contextlib import ExitStack

import pytest

from tests.behaviour import Behaviour
from tests.conftest import Clock
from tests.end_to_end import checks
from tests.end_to_end.account import Account
from tests.end_to_end.anonymized import erase_and_delete, redact
from tests.end_to_end.everything import ALL, EVERY, FEW_CONVERSATIONS, by_key, records_of
from tests.end_to_end.loaders.loader import Case, Loader, Synced
from tests.end_to_end.loaders.odd_texts import OddTexts
from tests.end_to_end.storage import copy, s3
from tests.faulty_sandbox import FaultySandbox


@pytest.fixture(scope="session")
def synced(run_tap):
    unlimited = Behaviour(requests_per_minute=0, requests_per_second=0)
    config = {"emit_activate_version_messages": True}
    with ExitStack() as stack:
        account, before = (
            Account(
                stack.enter_context(FaultySandbox(OddTexts(150, 10, Clock()), unlimited)),
                run_tap,
                EVERY,
                config,
            )
            for _ in range(2)
        )
        first = checks.succeeded(account.sync(state=FEW_CONVERSATIONS))
        known = emitted(account, first)
        redact(account.sandbox)
        erase_and_delete(account.sandbox)
        second = checks.succeeded(account.sync())
        changed = emitted(account, first, second)

        def resume(state):
            return checks.succeeded(before.sync(state=state)) if state else first

        yield Synced(first, second, known, changed, resume)


@pytest.fixture
def load(synced, tmp_path):
    """Give a function that feeds a loader with two runs, kills it, and gives what differs."""

    def feed(loader, config, rows):
        return Case(loader, tmp_path, config, rows).load(synced)

    return feed


@pytest.fixture
def bucket(tmp_path):
    """Serve an S3; give its environment, and what copies its bucket."""
    moto = Loader("python", ("moto[server]==5.2.5",)).program()
    with s3(moto) as environment:
        given = {name: environment[name] for name in environment.keys() - {*os.environ}}
        yield given, lambda: copy(moto, environment, tmp_path / "copy")


def emitted(account, *runs):
    """Give what Dixa has; of some streams, the runs' own records say what must be there."""
    return records_of(account.sandbox) | {
        stream: by_key(stream, [record for run in runs for record in run.records(stream)])
        for stream in EVERY
        if stream not in ALL
    }
