"""The dbt test that finds what Dixa erased and a warehouse still has."""

import json
from functools import cached_property

import pytest

from tap_dixa_sandbox import notes
from tests import expected
from tests.conftest import HOUR
from tests.end_to_end.batches import batch_config
from tests.end_to_end.everything import BY_CONVERSATION, EVERY
from tests.end_to_end.loading import DuckDb, Postgres
from tests.end_to_end.tables import FIELDS
from tests.transform.models import Models

pytestmark = pytest.mark.slow
NAME = "nothing_readable_of_anonymized"
ASKED_FOR = {"conversation_notes", "conversation_ratings"}
PERSONAL = {"messages", "activity_logs", *ASKED_FOR}
"""What it finds as long as only the conversations and the log say what was erased."""
TELLING = ("conversations", "activity_logs")
QUERIED = ("analytics_records", "intelligence_records")
CONVERSATION = {
    "conversations": "id",
    **dict.fromkeys(("messages", *BY_CONVERSATION), "csid"),
    **dict.fromkeys(("activity_logs", *QUERIED), "conversationId"),
}
"""Which column says what conversation a row is about."""
LAKE = (*CONVERSATION, "end_users")


def chosen_of(account):
    """Give the newest conversation with a note, and the newest with a comment to its rating."""
    found = [
        c
        for c in account.source("conversations")
        if c.get("closed_at") and not c.get("anonymized_at")
    ]
    found.sort(key=lambda c: c["updated_at"], reverse=True)
    noted = next(c for c in found if notes.rows(*account.data.life(c["id"])))
    return noted, next(c for c in found if c != noted and c.get("rating_message") and c["ratings"])


class Warehouse:
    """A database that the runs of an account are loaded into, with the staging views."""

    def __init__(self, account, models, load):
        self.account, self.models, self._load = account, models, load
        self.conversations = chosen_of(account)
        self.ids = {conversation["id"] for conversation in self.conversations}
        # Few conversations are asked for their notes and ratings.
        time = expected.iso(min(c["updated_at"] for c in self.conversations))
        mark = {"conversationUpdatedAt": time}
        self.since = {"bookmarks": dict.fromkeys(BY_CONVERSATION, mark)}

    def sync(self, *streams, **changes):
        run = self.account.synced(*streams, **changes)
        self._load(run)
        return run

    def build(self):
        """Build what the test needs, and run it; give dbt's status."""
        # A test of several models needs all of them.
        chosen = ("--select", "staging", NAME, "--indirect-selection", "cautious")
        status, _ = self.models.dbt("build", *chosen)
        return status

    @cached_property
    def query(self):
        """Give the SQL of the test."""
        self.build()
        return (self.models.folder / f"target/compiled/tap_dixa/tests/{NAME}.sql").read_text()

    def erase(self):
        """Anonymize conversations, and redact a message of another one; give it as it was."""
        data = self.account.data
        self.account.wait(HOUR // 2)
        alone = next(
            m
            for m in self.account.source("messages")
            if m["csid"] not in self.ids and m.get("text") and m.get("attached_files")
        )
        for number in self.ids:
            data.anonymize(number)
        data.redact(alone["csid"], alone["id"])
        self.account.wait(HOUR // 2)
        return alone

    def rows(self, query):
        return self.models.database.rows(query)

    def found(self):
        return self.rows(self.query)

    def found_in(self):
        """Give the streams that it finds rows of."""
        return {stream for stream, _, _ in self.found()}


@pytest.fixture
def warehouse(request, account_of, tmp_path):
    """Give a warehouse that a loader fills, with an account of some conversations."""
    loader = getattr(request, "param", "tap-dixa-load")
    database, config = DuckDb(str(tmp_path / "warehouse.duckdb")), {}
    if loader == "tap-dixa-load":

        def load(run):
            assert database.load(run.output) == (0, "")

        encoding = {"format": "jsonl", "compression": "none"}
        config = {
            "batch_config": batch_config(tmp_path, encoding=encoding),
            "emit_activate_version_messages": True,
        }
    elif loader == "target-duckdb":
        load = request.getfixturevalue("load")(loader)
    else:
        uri = request.getfixturevalue("postgres")
        load = request.getfixturevalue("load")(loader, sqlalchemy_url=uri)
        database = Postgres(uri)
    account = account_of(config=config, conversations=70, days=5, seed=2)
    return Warehouse(account, Models(database, tmp_path), load)


@pytest.mark.parametrize(
    ("warehouse", "streams"),
    [
        ("tap-dixa-load", LAKE),
        *(
            pytest.param(
                f"target-{name}", EVERY, marks=[pytest.mark.xdist_group(name), pytest.mark.nightly]
            )
            for name in ("duckdb", "postgres")
        ),
    ],
    indirect=["warehouse"],
)
def test_it_finds_rows_until_the_next_run(warehouse, streams):
    ids = warehouse.ids
    stale = {m["id"] for m in warehouse.account.source("messages") if m["csid"] in ids}
    first = warehouse.sync(*streams, state=warehouse.since)
    assert not warehouse.found()
    alone = warehouse.erase()
    assert not warehouse.found()  # the warehouse does not know yet
    warehouse.sync(*TELLING, refresh_anonymized=False)
    found = warehouse.found()
    assert warehouse.found_in() == PERSONAL
    assert {key for stream, key, _ in found if stream == "messages"} == {alone["id"], *stale}
    assert {csid for _, _, csid in found} == {*ids, alone["csid"]}
    warehouse.sync(*streams, state=first.state)
    assert not warehouse.found()
    # Whatever it looks at: no row about these conversations has their customers'
    # addresses, nor what was said in them.
    for stream, column in CONVERSATION.items():
        for conversation in warehouse.conversations:
            where = f'where "{column}" = {conversation["id"]}'
            text = str(warehouse.rows(f"select * from dixa.{stream} {where}"))
            customer = warehouse.account.data.life(conversation["id"])[0].customer
            for secret in (customer.email, customer.phone, conversation.get("rating_message")):
                assert secret is None or secret not in text


def test_it_finds_notes_and_ratings_that_dixa_deletes(warehouse):
    warehouse.sync(*LAKE, state=warehouse.since)
    warehouse.erase()
    warehouse.account.behaviour.missing |= {
        f"/v1/conversations/{csid}/{rows}"
        for csid in warehouse.ids
        for rows in ("notes", "ratings")
    }
    # It needs no other tables than the query finds rows in.
    warehouse.sync(*TELLING, *PERSONAL.difference(TELLING))
    assert warehouse.found_in() == ASKED_FOR
    assert warehouse.build() == 1


LEFT = {
    "conversations": (
        *("requester_name", "requester_email", "requester_phone_number", "subject"),
        *("requester_additional_emails", "requester_additional_phone_numbers"),
        *("rating_message", "ratings.rating_message"),
    ),
    "messages": (
        *("text", "from", "from_phone_number", "to", "cc", "bcc", "attached_files"),
        *("recording_url", "voicemail_url", "chat_input_answer", "formSubmission.name"),
    ),
    "activity_logs": (
        *(f"attributes.{name}" for name in ("subject", "oldSubject", "newSubject")),
        *("attributes.message", "attributes.fromEndpoint"),
        *(
            f"attributes.{user}.{name}"
            for user in ("user", "oldUser", "newUser")
            for name in ("name", "email", "phoneNumber")
        ),
    ),
    "conversation_notes": ("message",),
    "conversation_ratings": ("ratingComment",),
}
"""What Dixa erases of each stream."""


def left_in(stream, path):
    """Give a field, and the text of a value of it in which something was not erased."""
    field, *inner = path.split(".")
    value = "Ann"
    for name in reversed(inner):
        value = {name: value}
    if "array" in FIELDS[stream][field]["type"]:
        value = [value]
    return field, value if isinstance(value, str) else json.dumps(value)


@pytest.mark.nightly
def test_every_field_that_dixa_erases_is_looked_at(warehouse):
    warehouse.erase()
    warehouse.sync(*LAKE, state=warehouse.since)
    query = warehouse.query
    anonymized = ", ".join(map(str, warehouse.ids))
    with warehouse.models.database.connect() as tables:

        def found_after(change, *values):
            """Give what is found after a change, which is taken back."""
            tables.begin()
            tables.execute("update dixa.messages set direction = 'inbound'")
            tables.execute(change, values)
            found = {stream for stream, _, _ in tables.execute(query).fetchall()}
            tables.rollback()
            return found

        assert found_after("select 1") == set()
        for stream, column in CONVERSATION.items():
            where = f'where "{column}" in ({anonymized})'
            for path in LEFT.get(stream, ()):  # put back alone
                field, value = left_in(stream, path)
                change = f'update dixa.{stream} set "{field}" = ? {where}'
                assert found_after(change, value) == {stream}, path
            if stream in QUERIED:
                change = f"update dixa.{stream} set fields = json_merge_patch(fields, ?) {where}"
                assert found_after(change, '{"customer": {"value": "ann@x.example"}}') == {stream}
        called = "update dixa.messages set direction = 'outbound', to_phone_number = '+45 1'"
        assert found_after(called) == {"messages"}
