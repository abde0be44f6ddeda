"""The query of examples/not_erased.sql: what Dixa erased and a warehouse still has."""

from __future__ import annotations

from contextlib import closing

import duckdb
import psycopg
import pytest

from tap_dixa_sandbox import notes
from tests import expected, pages
from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_settings
from tests.end_to_end.everything import BY_CONVERSATION, EVERY
from tests.end_to_end.loading import load as load_files

QUERY = (pages.DOCS.parent / "examples" / "not_erased.sql").read_text(encoding="utf-8")
ANONYMIZED = "select id from dixa.conversations where anonymized_at is not null"
PERSONAL = {"messages", "activity_logs", *BY_CONVERSATION}
"""What the query finds as long as only the conversations and the log say what was erased."""
TELLING = ("conversations", "activity_logs")
CONVERSATION = {
    "conversations": "id",
    **dict.fromkeys(("messages", *BY_CONVERSATION), "csid"),
    **dict.fromkeys(
        ("activity_logs", "analytics_records", "intelligence_records"), "conversationId"
    ),
}
"""Which column says what conversation a row is about."""
LAKE = (
    *TELLING,
    "messages",
    *BY_CONVERSATION,
    "end_users",
    "analytics_records",
    "intelligence_records",
)


def chosen_of(sandbox):
    """Give the newest conversation with a note, and the newest with a comment to its rating."""
    found = sorted(
        (
            c
            for c in expected.source(sandbox.data, "conversations").values()
            if c.get("closed_at") and not c.get("anonymized_at")
        ),
        key=lambda c: c["updated_at"],
        reverse=True,
    )
    noted = next(c for c in found if notes.rows(*sandbox.data.life(c["id"])))
    return noted, next(c for c in found if c != noted and c.get("rating_message") and c["ratings"])


def since(conversations):
    """Give a state with which few conversations are asked for their notes and ratings."""
    time = expected.iso(min(c["updated_at"] for c in conversations))
    return {"bookmarks": {stream: {"conversationUpdatedAt": time} for stream in BY_CONVERSATION}}


def erase(sandbox, conversations):
    """Anonymize conversations, and redact a message of another one; give it as it was."""
    sandbox.data.now.now += HOUR // 2
    ids = {c["id"] for c in conversations}
    alone = next(
        m
        for m in expected.source(sandbox.data, "messages").values()
        if m["csid"] not in ids and m.get("text") and m.get("attached_files")
    )
    for number in ids:
        sandbox.data.anonymize(number)
    sandbox.data.redact(alone["csid"], alone["id"])
    sandbox.data.now.now += HOUR // 2
    return alone


def check(sandbox, sync, find, evidence, streams=EVERY):
    """Erase, and run the query before and after the next run.

    Args:
        sandbox: What is synced.
        sync: Runs the tap and loads its output; it is called with a state, a catalog and settings.
        find: Runs the query.
        evidence: Counts rows.
        streams: What is selected.

    Returns:
        The conversations as they were before they were anonymized.
    """
    conversations = chosen_of(sandbox)
    ids = {c["id"] for c in conversations}
    messages = [m for m in expected.source(sandbox.data, "messages").values() if m["csid"] in ids]
    first = sync(since(conversations), catalog(*streams))
    assert find() == []
    alone = erase(sandbox, conversations)
    assert find() == []  # the warehouse does not know yet
    sync(first.state, catalog(*TELLING), refresh_anonymized=False)
    found = find()
    assert {stream for stream, _, _ in found} == PERSONAL
    assert {key for stream, key, _ in found if stream == "messages"} == {
        alone["id"],
        *(m["id"] for m in messages),
    }
    assert {csid for _, _, csid in found} == {*ids, alone["csid"]}
    sync(first.state, catalog(*streams))
    assert find() == []
    evidence("rows with erased data found by the query, and none after the next run", len(found))
    return conversations


def test_it_finds_rows_until_the_next_run(serve, run_tap, tmp_path, evidence):
    sandbox, path = serve(conversations=70, days=5, seed=2), str(tmp_path / "lake.duckdb")

    def sync(state, chosen, **changes):
        config = {**batch_settings(sandbox, tmp_path), **changes}
        run = checks.succeeded(run_tap(config, catalog=chosen, state=state))
        assert load_files("load_duckdb.py", path, run.output) == 0
        return run

    def find():
        with duckdb.connect(path) as tables:
            return tables.execute(QUERY).fetchall()

    conversations = check(sandbox, sync, find, evidence, LAKE)
    with duckdb.connect(path) as tables:
        # Whatever the query looks at: no row about these conversations has their customers'
        # addresses, nor what was said in them.
        for stream, column in CONVERSATION.items():
            for conversation in conversations:
                query = f'from dixa.{stream} where "{column}" = {conversation["id"]}'
                text = str(tables.execute(query).fetchall())
                customer = sandbox.data.life(conversation["id"])[0].customer
                for secret in (customer.email, customer.phone, conversation.get("rating_message")):
                    assert secret is None or secret not in text
        assert_every_field_is_looked_at(tables)
        for stream in ("analytics_records", "intelligence_records"):
            where = f'"conversationId" in ({ANONYMIZED})'
            assert tables.execute(f"select count(*) from dixa.{stream} where {where}").fetchone()[0]
            tables.execute(
                f"update dixa.{stream} set fields = json_merge_patch(fields, ?) where {where}",
                ['{"customer": {"value": "ann@customer.example"}}'],
            )
        assert {row[0] for row in tables.execute(QUERY).fetchall()} == {
            "analytics_records",
            "intelligence_records",
        }


def test_it_finds_notes_and_ratings_that_dixa_deletes(serve, run_tap, tmp_path):
    sandbox, path = serve(conversations=70, days=5, seed=2), str(tmp_path / "lake.duckdb")
    conversations, config = chosen_of(sandbox), batch_settings(sandbox, tmp_path)
    state = since(conversations)
    for _ in range(2):
        run = checks.succeeded(run_tap(config, catalog=catalog(*LAKE), state=state))
        assert load_files("load_duckdb.py", path, run.output) == 0
        state = run.state
        erase(sandbox, conversations)
        sandbox.behaviour.missing |= {
            f"/v1/conversations/{conversation['id']}/{rows}"
            for conversation in conversations
            for rows in ("notes", "ratings")
        }
    with duckdb.connect(path) as tables:
        rows = tables.execute(QUERY).fetchall()
    assert {stream for stream, _, _ in rows} == {*BY_CONVERSATION}


LEFT = {
    "conversations": {
        **dict.fromkeys(("requester_name", "requester_email", "requester_phone_number"), "Ann"),
        **dict.fromkeys(("subject", "rating_message"), "Ann"),
        **dict.fromkeys(
            ("requester_additional_emails", "requester_additional_phone_numbers"), '["Ann"]'
        ),
        "ratings": '[{"rating_type": "csat", "rating_message": "Ann"}]',
    },
    "messages": {
        **dict.fromkeys(("text", "from", "from_phone_number", "recording_url"), "Ann"),
        **dict.fromkeys(("voicemail_url", "chat_input_answer"), "Ann"),
        **dict.fromkeys(("to", "cc", "bcc", "attached_files"), '["Ann"]'),
        "formSubmission": '{"name": "Ann"}',
    },
    "activity_logs": {
        f"attributes {place}": f'{{"_type": "x", {text}}}'
        for place, text in enumerate(
            [
                *(f'"{name}": "Ann"' for name in ("subject", "oldSubject", "newSubject")),
                *(f'"{name}": "Ann"' for name in ("message", "fromEndpoint")),
                *(
                    f'"{user}": {{"id": "1", "{name}": "Ann"}}'
                    for user in ("user", "oldUser", "newUser")
                    for name in ("name", "email", "phoneNumber")
                ),
            ]
        )
    },
    "conversation_notes": {"message": "Ann"},
    "conversation_ratings": {"ratingComment": "Ann"},
}
"""What each field has that was not erased."""


def assert_every_field_is_looked_at(tables):
    """Put each field back, alone, and run the query."""
    places = [(stream, name) for stream, fields in LEFT.items() for name in fields]
    for stream, name in places:
        key, (field, *_) = CONVERSATION[stream], name.split()
        where = f'where "{key}" in ({ANONYMIZED})'
        tables.begin()
        if stream == "messages":
            tables.execute(f"update dixa.messages set direction = 'inbound' {where}")
        tables.execute(f'update dixa.{stream} set "{field}" = ? {where}', [LEFT[stream][name]])
        assert {row[0] for row in tables.execute(QUERY).fetchall()} == {stream}, (stream, name)
        tables.rollback()
    tables.begin()
    tables.execute("update dixa.messages set direction = 'outbound', to_phone_number = '+45 1'")
    assert {row[0] for row in tables.execute(QUERY).fetchall()} == {"messages"}
    tables.rollback()


def syncing(sandbox, run_tap, feed):
    """Give a function that runs the tap and feeds a loader what it writes."""

    def sync(state, chosen, **changes):
        run = checks.succeeded(run_tap(settings(sandbox, **changes), catalog=chosen, state=state))
        feed(run)
        return run

    return sync


@pytest.mark.slow
@pytest.mark.xdist_group("duckdb")
def test_with_target_duckdb_and_every_stream(serve, run_tap, load, tmp_path, evidence):
    sandbox, feed = serve(conversations=150, days=10), load("target-duckdb")

    def find():
        with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as tables:
            return tables.execute(QUERY).fetchall()

    check(sandbox, syncing(sandbox, run_tap, feed), find, evidence)


@pytest.mark.slow
@pytest.mark.xdist_group("postgres")
def test_with_target_postgres_and_every_stream(serve, run_tap, load, postgres, evidence):
    sandbox = serve(conversations=150, days=10)
    feed = load("target-postgres", sqlalchemy_url=postgres)

    def find():
        with closing(psycopg.connect(postgres)) as connection:
            return connection.execute(QUERY).fetchall()

    check(sandbox, syncing(sandbox, run_tap, feed), find, evidence)
