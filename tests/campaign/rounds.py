"""A round: runs that fail or are killed, resumed until a calm one, and what must hold of them."""

import json
import os
import re
import select
import signal
import time
from collections import Counter

from tests import forks
from tests.campaign.account import FULL_TABLE, TOKEN, Account
from tests.conftest import Run
from tests.end_to_end import checks
from tests.end_to_end.batches import emitted
from tests.end_to_end.everything import key
from tests.end_to_end.loaded import rows_of
from tests.end_to_end.queried import counted

LONGEST_RUN = 60
"""In seconds. A wait before a retry is a hundredth of what the log says."""
MOST_MEMORY = 250
"""Of a run, in MB."""
TOKEN_PIECE = 12
"""How much of the token is too much, in characters."""
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
CODE = """
import resource, sys
from tap_dixa.http import retries
from tap_dixa.__main__ import main
retries.LONGEST_WAIT = 100  # a Retry-After costs a second at most
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))  # so that nothing else suffers
try:
    main()
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


class Round:
    """An account, and what a loader holds after some runs, whose files are in a folder."""

    def __init__(self, seed, folder):
        self._account, self._folder = Account(seed), folder
        self._random = self._account.random
        self._tables = {stream: {} for stream in self._account.streams}
        self._state = {}
        self.runs = 0

    def play(self):
        """Play it; an AssertionError says what does not hold."""
        random, behaviour = self._random, self._account.sandbox.behaviour
        with self._account as account:
            for _ in range(random.randrange(4)):
                account.faults.share = random.choice([0.01, 0.03, 0.1, 0.4])
                missing = random.choice(
                    [None, None, "/v1/agents", "/v1/tags", "/v1/message_export"]
                )
                behaviour.missing = {missing} - {None}
                self._run(random.choice([None, *SIGNALS]), random.randrange(200_000))
                account.live()
            account.faults.share, behaviour.missing = 0, set()
            run = self._run(None, 0)
            assert run.status == 0, f"the calm run ended with {run.status}: {run.errors}"
            for stream in account.streams:
                self._is_loaded(stream, account.contents()[stream])

    def _run(self, kill, after):
        """Run the tap, send it a signal after so many bytes, and load what it wrote."""
        self.runs += 1
        account, folder = self._account, self._folder / str(self.runs)
        folder.mkdir(parents=True)
        config = account.settings(folder / "batches")
        files = {"config": config, "catalog": account.catalog, "state": self._state}
        arguments = []
        for name, content in files.items():
            (folder / name).write_text(json.dumps(content))
            arguments += [f"--{name}", str(folder / name)]
        try:
            status, output = run_tap(arguments, folder / "log", kill, after)
        finally:
            about = [f"kill {kill} after {after} bytes", repr(account.sandbox.behaviour)]
            (folder / "about").write_text("\n".join(about + account.faults.drawn))
            account.faults.drawn.clear()
        (folder / "output").write_bytes(output)
        log = (folder / "log").read_text(errors="replace")
        run = Run(status, output[: output.rfind(b"\n") + 1].decode(), log)
        self._check(run, kill)
        self._load(run)
        return run

    def _check(self, run, kill):
        statuses = {0, 1} if kill is None else {0, 1, -kill, 128 + kill}
        assert run.status in statuses, f"ended with {run.status}"
        for text in ("Traceback", "unexpected"):
            line = re.search(f".*{text}.*", run.log)
            assert not line, f"in the log: {line[0][:400]}"
        if run.status in {0, 1}:
            assert len(run.errors) == run.status, f"status {run.status}, errors: {run.errors}"
        pieces = {TOKEN[at : at + TOKEN_PIECE] for at in range(len(TOKEN) - TOKEN_PIECE + 1)}
        shown = {piece for piece in pieces if piece in run.log or piece in run.output}
        assert not shown, f"a piece of the token is shown: {shown.pop()}"
        peak = re.search(r"^peak (\d+)$", run.log, re.MULTILINE)
        assert not peak or int(peak[1]) < MOST_MEMORY << 10, f"{int(peak[1]) >> 10} MB of memory"
        seen = Counter()
        for message in run.messages:
            stream = message.get("stream")
            seen.update((stream, key(stream, row)) for row in rows_of(message))
            if message["type"] == "ACTIVATE_VERSION":
                assert self._account.deletes, "ACTIVATE_VERSION, which is off"
                assert stream in FULL_TABLE, f"ACTIVATE_VERSION of {stream}"
                wanted = self._account.contents()[stream]
                lost = [one for one in wanted if (stream, one) not in seen]
                assert not lost, f"{stream}: ACTIVATE_VERSION without {len(lost)} rows"
        repeated = [which for which, times in seen.items() if times > 1]
        assert not repeated, f"repeated within a run: {repeated[:3]}"
        for stream in {message["stream"] for message in run.of("SCHEMA")}:
            checks.fits_its_schema(run, stream, [*map(without_version, emitted(run, stream))])

    def _load(self, run):
        """Load a run up to one of its STATE messages; the next run resumes from that."""
        states = [at for at, message in enumerate(run.messages) if message["type"] == "STATE"]
        if not states:
            return
        last = states[-1] if run.status == 0 else self._random.choice([states[-1], *states])
        self._state = run.messages[last]["value"]
        # At the end of a whole run, all is loaded: no STATE follows records that change none.
        for message in run.messages if run.status == 0 else run.messages[:last]:
            stream = message.get("stream")
            rows = {key(stream, row): (self.runs, without_version(row)) for row in rows_of(message)}
            if rows:
                self._tables[stream] |= rows
            elif message["type"] == "ACTIVATE_VERSION":
                table = self._tables[stream].items()
                self._tables[stream] = {k: row for k, row in table if row[0] == self.runs}

    def _is_loaded(self, stream, wanted):
        """Check that a table holds what it must."""
        account = self._account
        found = {one: record for one, (_, record) in self._tables[stream].items()}
        changed = account.changed.get(stream)
        if isinstance(wanted, Counter):
            # There it is the start of a window, which depends on limits and faults.
            but = ["timestamp"] if stream == "intelligence_records" else []
            lost = wanted - counted(found.values(), *but)
            if account.odd or changed:
                lost = wanted.total() - len(found) > 0
            assert not lost, f"{stream}: {len(found)} of {wanted.total()} rows: {lost}"
            return
        csid = "conversationId" if stream == "activity_logs" else "csid"
        csid = "id" if stream == "conversations" else csid
        wanted = {k: r for k, r in wanted.items() if r.get(csid) not in account.faults.excused}
        lost = wanted.keys() - found.keys()
        assert not lost, f"{stream}: {len(lost)} of {len(wanted)} records lost: {[*lost][:3]}"
        if stream in FULL_TABLE and account.deletes:
            assert found.keys() == wanted.keys(), f"{stream}: rows that no longer exist"
        ignored = dict.fromkeys([changed, "additional_properties"])
        for one, record in wanted.items() if not account.odd else ():
            loaded, source = (checks.plain(each | ignored) for each in (found[one], record))
            assert loaded == source, f"{stream}: {loaded} is not {source}"


def without_version(row):
    """Give a row without the column that BATCH files have for deletes."""
    return {name: value for name, value in row.items() if name != "_sdc_table_version"}


def run_tap(arguments, log, kill, after):
    """Run the tap, and send it a signal after so many bytes; give its status and its output."""
    until, output = time.monotonic() + LONGEST_RUN, b""
    with log.open("wb") as file:
        tap = forks.Fork(arguments, None, CODE, stderr=file, encoding=None)
    with tap.stdout as pipe:
        while select.select([pipe], [], [], max(0, until - time.monotonic()))[0]:
            piece = os.read(pipe.fileno(), 1 << 16)
            if not piece:
                return tap.wait(LONGEST_RUN), output
            output += piece
            if kill is not None and len(output) >= after:
                tap.send_signal(kill)
                kill = None
    tap.kill()
    raise AssertionError(f"a run took longer than {LONGEST_RUN} s")
