"""The recipes of docs/personal-data.md, read from the page and given to the tap."""

import copy
import hashlib
import re
import shutil
from fnmatch import fnmatchcase

import duckdb
import pytest

from docs.generate.fields import fields_of
from tap_dixa.streams.base import SCHEMAS
from tests import pages
from tests.conftest import catalog
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize
from tests.end_to_end.everything import ALL, EVERY, KEYS, by_key, rows
from tests.end_to_end.recipes import FLAT, PAGE, SEED, merged, with_secret

ADDRESSES = ("requester_additional_emails", "requester_additional_phone_numbers")


def selected(patterns):
    """Give the catalog that Meltano makes of its `select`."""
    chosen = copy.deepcopy(catalog(*EVERY))

    def matches(name):
        left_out = any(fnmatchcase(name, p[1:]) for p in patterns if p.startswith("!"))
        return not left_out and any(fnmatchcase(name, p) for p in patterns)

    for entry in chosen["streams"]:
        fields = [m for m in entry["metadata"] if m["breadcrumb"]]
        for field in fields:
            path = [part for part in field["breadcrumb"] if part != "properties"]
            wanted = matches(".".join([entry["tap_stream_id"], *path]))
            field["metadata"]["selected"] = wanted
        (root,) = (m for m in entry["metadata"] if not m["breadcrumb"])
        root["metadata"]["selected"] = any(f["metadata"]["selected"] for f in fields)
    return chosen


def hashed(text):
    return text and hashlib.sha256((SEED + text).encode()).hexdigest()


def domain(address):
    return address and address.rpartition("@")[2]


def without(record, *names):
    return {name: value for name, value in record.items() if name not in names}


def conversation(source):
    dropped = ("requester_name", "requester_phone_number", "rating_message", *ADDRESSES)
    named = ("product", "priority")
    return {
        **without(source, *dropped, "conversation_wrapup_notes"),
        "requester_email": hashed(source.get("requester_email")),
        "requester_domain": domain(source.get("requester_email")),
        "requester_id": hashed(source["requester_id"]),
        "subject": source.get("subject") and "[subject]",
        "ratings": [without(rating, "rating_message") for rating in source["ratings"]],
        "custom_fields": [f for f in source["custom_fields"] if f["identifier"] in named],
    }


def message(source):
    files = ("attached_files", "formSubmission", "recording_url", "voicemail_url")
    numbers = ("from_phone_number", "to_phone_number")
    return {
        **without(source, *files, "author_name", *numbers, "cc", "bcc"),
        "author_email": hashed(source.get("author_email")),
        "text": source.get("text") and "[text]",
        "chat_input_answer": source.get("chat_input_answer") and "[answer]",
        "from": domain(source.get("from")),
        "to": [domain(address) for address in source.get("to") or []],
    }


def end_user(source):
    kept = {name: source[name] for name in ("createdAt", "customAttributes") if name in source}
    return {**kept, "id": hashed(source["id"]), "email": hashed(source["email"])}


def entry(source):
    author = source.get("author")
    return {**without(source, "attributes"), "author": author and {"id": author["id"]}}


def test_the_fields_that_are_listed_exist():
    page = (pages.DOCS / PAGE).read_text(encoding="utf-8")
    section = page.partition("## Fields with personal data\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| (`.*?) \|(.*)\|$", section, re.MULTILINE)
    streams = set()
    for first, rest in listed:
        mentioned = re.findall(r"`(\w+)`", first)
        fields = [f.path for stream in mentioned for f in fields_of(SCHEMAS.get_schema(stream))]
        known = {path.rpartition(".")[2] for path in fields}
        assert {part.rpartition(".")[2] for part in re.findall(r"`([^`]+)`", rest)} <= known
        streams.update(mentioned)
    assert streams >= {"conversations", "messages", "end_users", "activity_logs", "agents"}


def same(run, stream, wanted):
    """The records of a stream are these, each once. The SDK path may drop or add nulls."""
    records, wanted = ([*map(checks.plain, rows)] for rows in (run.records(stream), wanted))
    assert by_key(stream, records) == by_key(stream, wanted)
    assert len(records) == len(wanted)
    checks.fits_its_schema(run, stream)


@pytest.fixture
def sync(account_of):
    """Give a function that syncs an account with recipes; and the account."""

    def run(*recipes, **sandbox):
        recipe = merged(*recipes)
        account = account_of(config=with_secret(recipe["config"]), **sandbox)
        anonymize(account.sandbox)
        return account.synced(chosen=selected(recipe["select"])), account

    return run


@pytest.mark.slow
def test_recipes_do_what_they_say_and_nothing_else(sync):
    recipes = pages.blocks(PAGE, "yaml")
    del recipes[FLAT]
    run, account = sync(*recipes.values(), conversations=300, days=10)
    listed = rows(account.sandbox)
    for stream, made in (("conversations", conversation), ("messages", message)):
        exported = account.known(stream).values()
        heard = [record for record in exported if record["initial_channel"] != "voicemail"]
        assert len(heard) < len(exported)
        same(run, stream, map(made, heard))
    same(run, "end_users", map(end_user, listed["end_users"]))
    same(run, "activity_logs", map(entry, listed["activity_logs"]))
    for stream in KEYS.keys() - {"end_users", "activity_logs", "agents", "team_members"}:
        same(run, stream, listed[stream])
    streams = {one["stream"] for one in run.of("SCHEMA")}
    assert streams == set(ALL) - {"agents", "team_members"}
    (schema,) = run.of("SCHEMA", "end_users")
    kept = {"id", "createdAt", "email", "customAttributes"}
    assert schema["schema"]["properties"].keys() == kept
    # The log keeps its authors' ids.
    rest = str([m for m in run.messages if m.get("stream") != "activity_logs"])
    for person in listed["end_users"]:
        assert person["id"] not in rest
        for field in ("email", "phoneNumber"):
            assert person[field] not in run.output


def test_what_is_named_comes_flat(sync):
    run, account = sync(pages.blocks(PAGE, "yaml")[FLAT], conversations=100, days=5)
    assert {one["stream"] for one in run.of("SCHEMA")} == {"conversations", "activity_logs"}
    named = ("id", "created_at", "updated_at", "queue_name", "handling_duration")
    flat = [
        {name: c.get(name) for name in named} | {"requester": hashed(c["requester_id"])}
        for c in account.known("conversations").values()
    ]
    same(run, "conversations", flat)
    flat = [
        {**without(e, "author", "attributes"), "author__id": e.get("author", {}).get("id")}
        for e in account.known("activity_logs").values()
    ]
    same(run, "activity_logs", flat)
    (schema,) = run.of("SCHEMA", "activity_logs")
    parts = [name for name in schema["schema"]["properties"] if name.startswith("a")]
    assert parts == ["activityTimestamp", "activityType", "author__id"]
    (schema,) = run.of("SCHEMA", "conversations")
    assert schema["schema"]["properties"]["updated_at"]["format"] == "date-time"


@pytest.mark.slow
@pytest.mark.xdist_group("duckdb")
def test_what_is_left_can_be_erased_by_hand(warehouse, tmp_path):
    copied = shutil.copy(warehouse.path, tmp_path / "copy.duckdb")
    with duckdb.connect(str(copied)) as tables:

        def number(query, *values):
            return tables.execute(f"select count(*) from dixa.{query}", values).fetchone()[0]

        assert number("conversations where anonymized_at is not null") == len(warehouse.erased)
        assert number("activity_logs where author::varchar like '%@customer%'") > 0

        person = tables.execute(
            "select e.id, e.email from dixa.end_users e join dixa.conversations c"
            " on c.requester_id = e.id and c.anonymized_at is null limit 1"
        ).fetchone()
        kept = number("conversations where requester_id <> ?", person[0])
        by_hand = pages.blocks(PAGE, "sql")["Erase a person by hand"]
        assert "'ann@customer.example'" in by_hand
        tables.execute(by_hand.replace("ann@customer.example", person[1]))
        assert number("conversations") == kept
        assert number("conversations where requester_email = ?", person[1]) == 0
        assert number("messages where author_email = ?", person[1]) == 0
        assert number("end_users where id = ?", person[0]) == 0
        assert number("activity_logs where contains(author::varchar, ?)", person[1]) == 0
        assert number("messages where csid not in (select id from dixa.conversations)") == 0
