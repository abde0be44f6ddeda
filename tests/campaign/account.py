"""A random account with its settings, and what the tap must load of it."""

from copy import deepcopy
from functools import partial
from random import Random

from tap_dixa_sandbox.filters import Bounds
from tests import expected
from tests.behaviour import Behaviour
from tests.campaign.faults import Faults, with_odd_values
from tests.conftest import NOON, catalog, made, settings
from tests.end_to_end.batches import batch_config
from tests.end_to_end.everything import (
    BY_CONVERSATION,
    CATALOGUES,
    EVERY,
    LISTS,
    ROWS,
    key,
    records_of,
    rows_by_conversation,
)
from tests.end_to_end.queried import analytics_records, intelligence_records
from tests.faulty_sandbox import FaultySandbox
from tests.sandbox.conftest import Client

MINUTE = 60_000
TOKEN = "".join(Random("token").choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ", k=117))
LIMITS = (1 / 24, 2 / 24, 3 / 24, 6 / 24, 0.4, 1, 25 / 24, 1.5, 3, 7, 13.3, 20)
"""The longest windows that are exported, in days."""
FULL_TABLE = {*LISTS, *CATALOGUES}
KEYS = ("id", "csid", "Id", "Type", "Number", "At", "_at", "imestamp", "channel", "_properties")
"""How the names of fields end that no map or selection leaves out."""


class Account:
    """A sandbox behind random faults. A context manager: it serves while it is entered."""

    def __init__(self, seed):
        self.random = random = Random(seed)
        self.days = random.choice([3, 10, 35, 80])
        self.late = random.choice([0, 0, 30_000])
        limits = [limit for limit in LIMITS if self.days / limit < 300]  # or a run takes minutes
        limit = random.choice([None, None, None, *limits])
        refusals = ["504", "500", "400", "413", "413", "cut"]
        if limit is None or limit > 2:
            refusals.append("hang")  # each takes a second
        paths = ["/v1/agents", "/v1/tags", "/v1/ai-agents", "/v1/templates", "/v1/organization"]
        self.sandbox = made(
            conversations=random.choice([15, 40, 80]),
            days=self.days,
            late=self.late,
            seed=random.randrange(1_000),
            token=TOKEN,
            bounds=Bounds(random.random() < 0.5, random.random() < 0.5),
            activity_order=random.choice(["descending", "ascending", "shuffled"]),
            longest_export_days=limit,
            too_long=random.choice(refusals),
            out_of_place=random.choice([0, 0, 0, 2]),
            requests_per_second=random.choice([0, 0, 400]),  # the tap waits a hundredth of a second
            longest_query_days=random.choice([None, limit]),
            analytics_filters=random.random() < 0.2,
            analytics_page_keys=random.random() < 0.3,
            beta_only=set(random.sample(paths, random.choice([0, 0, 1, 2]))),
        )
        data = self.sandbox.data
        usual = Behaviour(requests_per_minute=0, requests_per_second=0)
        self._usual = FaultySandbox(data, usual)
        """The same data without faults, to see what must be loaded."""
        self.odd = random.choice([0, 0, 0.05, 0.5])
        conversations = expected.source(data, "conversations").values()
        oldest = [c["id"] for c in sorted(conversations, key=lambda c: c["updated_at"])]
        few = random.sample(oldest, len(oldest) // 3)
        self.refused = set(random.choice([[], [], few, oldest[:12]]))
        self.faults = self.sandbox.behaviour.draw = Faults(seed, TOKEN)
        if self.odd:
            self.sandbox.behaviour.alter = partial(with_odd_values, self.odd)
        for csid in self.refused:
            status = random.choice([403, 404, 410, 422])
            self.sandbox.behaviour.forbidden |= {
                f"/v1/conversations/{csid}/{rows}": status for rows in ROWS.values()
            }
        self.streams = random.choice([EVERY, random.sample(EVERY, random.randint(2, 12))])
        self.deletes = random.random() < 0.6
        self.maps = {}
        self.changed = {}
        """By stream, the field that a map or the selection adds or leaves out."""
        self.catalog = self._selected()
        self._contents = {}

    def __enter__(self):
        self._usual.__enter__()
        self.sandbox.__enter__()
        return self

    def __exit__(self, *_):
        self._usual.__exit__()
        self.sandbox.__exit__()

    def _selected(self):
        """Select streams and fields; draw stream maps."""
        random, chosen = self.random, deepcopy(catalog(*sorted(self.streams)))
        for entry in chosen["streams"]:
            stream, draw = entry["tap_stream_id"], random.random()
            name = random.choice(["", *entry["schema"]["properties"]])
            if draw < 0.1:
                self.maps[stream] = {"__filter__": "True"}
            elif draw < 0.2:
                self.maps[stream], self.changed[stream] = {"stamp": "'x'"}, "stamp"
            elif draw < 0.4 and name and not name.endswith(KEYS):
                self.changed[stream] = name
                if draw < 0.3:
                    self.maps[stream] = {name: None}
                else:
                    selected = {"breadcrumb": ["properties", name], "metadata": {"selected": False}}
                    entry["metadata"].append(selected)
        return chosen

    def settings(self, folder):
        """Draw the settings of a run, whose BATCH files go into a folder."""
        random = self.random
        batch = {}
        if random.random() < 0.4:
            folder.mkdir()
            batch = {"batch_config": batch_config(folder)}
        return settings(
            self.sandbox,
            window_days=random.choice([1, 2, 7, 30, 31]) if self.days < 40 else 31,
            lookback_seconds=random.choice([60 if self.late else 0, 600, 90_000]),
            parallel_downloads=random.randint(1, 8),
            page_size=random.choice([None, None, 40, 300]),
            request_timeout_seconds=1 if self.sandbox.behaviour.too_long == "hang" else 2,
            emit_activate_version_messages=self.deletes,
            stream_maps=self.maps,
            **batch,
        )

    def live(self):
        """Let time pass; sometimes something is erased or deleted."""
        random, data = self.random, self.sandbox.data
        data.now.now = min(data.now.now + random.randrange(1, 30 * MINUTE), NOON + 170 * MINUTE)
        conversations = expected.source(data, "conversations")
        closed = [n for n, c in sorted(conversations.items()) if c.get("closed_at")]
        if closed and random.random() < 0.4:
            data.anonymize(random.choice(closed))
        if random.random() < 0.4:
            data.directory.remove(random.choice(data.desk.agents).id)
        self._contents = {}

    def contents(self):
        """Give what must be loaded by now: records by stream and key; of some streams, counts."""
        if not self._contents:
            client, found = Client(self._usual), records_of(self._usual)
            for stream in BY_CONVERSATION:
                rows = rows_by_conversation(self._usual, stream)
                found[stream] = {k: r for k, r in rows.items() if r["csid"] not in self.refused}
            paths = ("/v1/analytics/records", "/v1/analytics/metrics", "/beta/intelligence/records")
            for stream, path in zip(CATALOGUES, paths, strict=True):
                found[stream] = {key(stream, row): row for row in client.data(path)}
            found["analytics_records"] = analytics_records(self._usual)
            found["intelligence_records"] = intelligence_records(self._usual)
            self._contents = found
        return self._contents
