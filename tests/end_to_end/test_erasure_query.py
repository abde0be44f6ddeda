"""The query of examples/not_erased.sql: what Dixa erased and a warehouse still has."""

from __future__ import annotations

import duckdb
import pytest

from tap_dixa_sandbox import notes
from tests import expected
from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config
from tests.end_to_end.everything import BY_CONVERSATION, EVERY
from tests.end_to_end.loading import EXAMPLES, DuckDb, Postgres

QUERY = (EXAMPLES / "not_erased.sql").read_text(encoding="utf-8")
ANONYMIZED = "select id from dixa.conversations where anonymized_at is not null"
PERSONAL = {"messages", "activity_logs", *BY_CONVERSATION}
"""What the query finds as long as only the conversations and the log say what was erased."""
TELLING = ("conversations", "activity_logs")
QUERIED = ("analytics_records", "intelligence_records")
CONVERSATION = {
    "conversations": "id",
    **dict.fromkeys(("messages", *BY_CONVERSATION), "csid"),
    **dict.fromkeys(("activity_logs", *QUERIED), "conversationId"),
}
"""Which column says what conversation a row is about."""
LAKE = (*CONVERSATION, "end_users")


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


@pytest.fixture
def warehouse(request, tmp_path):
    """Give a database, a function that loads a run into it, and the settings that this takes."""
    loader, database = request.param, DuckDb(str(tmp_path / "warehouse.duckdb"))
    if loader == "load_duckdb.py":

        def load_files(run):
            assert database.load(run.output) == 0

        batches = {"batch_config": batch_config(tmp_path), "emit_activate_version_messages": True}
        return database, load_files, batches
    load = request.getfixturevalue("load")
    if loader == "target-duckdb":
        return database, load(loader), {}
    uri = request.getfixturevalue("postgres")
    return Postgres(uri), load(loader, sqlalchemy_url=uri), {}


into_duckdb = pytest.mark.parametrize("warehouse", ["load_duckdb.py"], indirect=True)


@pytest.mark.parametrize(
    ("warehouse", "streams"),
    [
        ("load_duckdb.py", LAKE),
        *(
            pytest.param(
                f"target-{name}",
                EVERY,
                marks=[pytest.mark.slow, pytest.mark.xdist_group(name)],
            )
            for name in ("duckdb", "postgres")
        ),
    ],
    indirect=["warehouse"],
)
def test_it_finds_rows_until_the_next_run(serve, run_tap, warehouse, streams, evidence):
    sandbox = serve(conversations=70, days=5, seed=2)
    database, load, options = warehouse

    def sync(state, *streams, **changes):
        config = settings(sandbox, **options, **changes)
        run = checks.succeeded(run_tap(config, catalog=catalog(*streams), state=state))
        load(run)
        return run

    conversations = chosen_of(sandbox)
    ids = {c["id"] for c in conversations}
    messages = [m for m in expected.source(sandbox.data, "messages").values() if m["csid"] in ids]
    first = sync(since(conversations), *streams)
    assert database.rows(QUERY) == []
    alone = erase(sandbox, conversations)
    assert database.rows(QUERY) == []  # the warehouse does not know yet
    sync(first.state, *TELLING, refresh_anonymized=False)
    found = database.rows(QUERY)
    assert {stream for stream, _, _ in found} == PERSONAL
    assert {key for stream, key, _ in found if stream == "messages"} == {
        alone["id"],
        *(m["id"] for m in messages),
    }
    assert {csid for _, _, csid in found} == {*ids, alone["csid"]}
    sync(first.state, *streams)
    assert database.rows(QUERY) == []
    # Whatever the query looks at: no row about these conversations has their customers'
    # addresses, nor what was said in them.
    for stream, column in CONVERSATION.items():
        for conversation in conversations:
            where = f'where "{column}" = {conversation["id"]}'
            text = str(database.rows(f"select * from dixa.{stream} {where}"))
            customer = sandbox.data.life(conversation["id"])[0].customer
            for secret in (customer.email, customer.phone, conversation.get("rating_message")):
                assert secret is None or secret not in text
    evidence("rows with erased data found by the query, and none after the next run", len(found))


@into_duckdb
def test_it_finds_notes_and_ratings_that_dixa_deletes(serve, run_tap, warehouse):
    sandbox = serve(conversations=70, days=5, seed=2)
    database, load, options = warehouse
    conversations = chosen_of(sandbox)
    state = since(conversations)
    # The second run needs no other tables than the query finds rows in.
    for streams in (LAKE, (*TELLING, *PERSONAL)):
        config, chosen = settings(sandbox, **options), catalog(*{*streams})
        run = checks.succeeded(run_tap(config, catalog=chosen, state=state))
        load(run)
        state = run.state
        erase(sandbox, conversations)
        sandbox.behaviour.missing |= {
            f"/v1/conversations/{conversation['id']}/{rows}"
            for conversation in conversations
            for rows in ("notes", "ratings")
        }
    assert {stream for stream, _, _ in database.rows(QUERY)} == {*BY_CONVERSATION}


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


@into_duckdb
def test_every_field_that_dixa_erases_is_looked_at(serve, run_tap, warehouse):
    sandbox = serve(conversations=70, days=5, seed=2)
    database, load, options = warehouse
    conversations = chosen_of(sandbox)
    erase(sandbox, conversations)
    config = settings(sandbox, **options)
    load(run_tap(config, catalog=catalog(*LAKE), state=since(conversations)))
    with duckdb.connect(database.name) as tables:

        def found():
            return {stream for stream, _, _ in tables.execute(QUERY).fetchall()}

        assert found() == set()
        for stream, fields in LEFT.items():
            for name, value in fields.items():  # put back alone
                field, *_ = name.split()
                tables.begin()
                if stream == "messages":
                    tables.execute("update dixa.messages set direction = 'inbound'")
                where = f'where "{CONVERSATION[stream]}" in ({ANONYMIZED})'
                tables.execute(f'update dixa.{stream} set "{field}" = ? {where}', [value])
                assert found() == {stream}, (stream, name)
                tables.rollback()
        tables.begin()
        tables.execute("update dixa.messages set direction = 'outbound', to_phone_number = '+45 1'")
        assert found() == {"messages"}
        tables.rollback()
        for stream in QUERIED:
            tables.execute(
                f"update dixa.{stream} set fields = json_merge_patch(fields, ?)"
                f'where "conversationId" in ({ANONYMIZED})',
                ['{"customer": {"value": "ann@customer.example"}}'],
            )
        assert found() == {*QUERIED}
