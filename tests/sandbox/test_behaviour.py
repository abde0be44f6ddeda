from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests import expected
from tests.conftest import DAY, NOON, made
from tests.events import HANG, wait_until
from tests.sandbox.conftest import Client

CONVERSATIONS, MESSAGES = "/v1/conversation_export", "/v1/message_export"
FIELDS = {CONVERSATIONS: "updated", MESSAGES: "created"}
LISTS = (
    "agents",
    "endusers",
    "teams",
    "queues",
    "tags",
    "contact-endpoints",
    "custom-attributes",
    "conversations/activitylog",
)
BRAND_NEW = {"level": 3, "labels": ["a"]}


def span(path, days, field=None, end=NOON):
    """Give a request for a window, as the tap sends it: a second more on both sides."""
    field = field or FIELDS[path]
    return {f"{field}_after": end - int(days * DAY) - 1_000, f"{field}_before": end + 1_000}


def paths(api):
    """Give the path of every list, with those of members and notes."""
    team, queue = api.data("/v1/teams")[0]["id"], api.data("/v1/queues")[0]["id"]
    noted = next(
        row for row in api.everything(f"/v1/{LISTS[-1]}", pageLimit=1000)
        if row["_type"] == "NoteAdded"
    )  # fmt: skip
    return [
        *LISTS,
        f"teams/{team}/agents",
        f"queues/{queue}/members",
        f"conversations/{noted['conversationId']}/notes",
    ]


def test_exports_overlap_while_they_take_their_time():
    with ThreadPoolExecutor(6) as threads, made(latency=2 * HANG) as sandbox:
        api = Client(sandbox)
        for path in (CONVERSATIONS, MESSAGES) * 3:
            threads.submit(api.get, path, **span(path, 1))
        wait_until(lambda: len(sandbox.arrived) == 6)
        assert api.get("/v1/tags").status_code == 200
        assert [path for path, *_ in sandbox.answered] == ["/v1/tags"]


def test_an_export_takes_as_long_as_it_should_and_errors_come_at_once(connect):
    api = connect(latency=1.5)
    assert api.get(MESSAGES, **span(MESSAGES, 1)).elapsed.total_seconds() >= 1.5
    api.sandbox.behaviour.latency = 2 * HANG
    assert requests.get(api.sandbox.url + MESSAGES, timeout=HANG).status_code == 401


@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize("kind", ["504", "500", "400", "413"])
def test_a_longer_export_gets_a_status(connect, path, kind):
    api = connect(longest_export_days=2.5, too_long=kind)
    assert api.get(path, **span(path, 2.5)).status_code == 200
    response = api.get(path, **span(path, 3))
    assert response.status_code == int(kind)
    assert response.json().keys() == {"message"}
    assert [status for *_, status in api.sandbox.answered] == [200, int(kind)]


def test_a_millisecond_decides_and_any_pair_counts(connect):
    api = connect(longest_export_days=2)
    longer = span(MESSAGES, 2)
    longer["created_before"] += 1
    assert api.get(MESSAGES, **longer).status_code == 504
    pairs = span(CONVERSATIONS, 1) | span(CONVERSATIONS, 3, "closed")
    assert api.get(CONVERSATIONS, **pairs).status_code == 504
    assert api.get(CONVERSATIONS, csids="1").status_code == 200


def test_a_longer_export_is_cut_in_the_middle(connect):
    api = connect(longest_export_days=2, too_long="cut")
    url = api.sandbox.url + MESSAGES
    auth = ("bearer", api.sandbox.behaviour.token)
    with requests.get(url, span(MESSAGES, 20), auth=auth, timeout=HANG, stream=True) as response:
        assert response.status_code == 200
        received = response.raw.read1(2_000)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(response.iter_content(None))
    assert received.startswith(b'[{"id":')
    assert api.get(MESSAGES, **span(MESSAGES, 2)).json()


def test_a_longer_export_hangs(connect):
    api = connect(longest_export_days=2, too_long="hang")
    url = api.sandbox.url + MESSAGES
    auth = ("bearer", api.sandbox.behaviour.token)
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(url, span(MESSAGES, 20), auth=auth, timeout=(HANG, 2))
    assert api.get(MESSAGES, **span(MESSAGES, 2)).json()


def test_every_record_and_row_has_new_fields(connect):
    api, known = connect(new_fields=True), connect()
    for path in FIELDS:
        records = api.get(path, **span(path, 30)).json()
        assert {str(record.pop("brandNew")) for record in records} == {str(BRAND_NEW)}
        for record in records:
            for tag in record.get("tags_info", ()):
                assert tag.pop("shade") == "dark"
        assert records == known.get(path, **span(path, 30)).json()
    for path in paths(api):
        rows = api.everything(f"/v1/{path}", pageLimit=1000)
        assert {str(row.pop("brandNew")) for row in rows} == {str(BRAND_NEW)}
        for row in rows:
            nested = row.get("usages") or row.get("inputDefinition") or row.get("author")
            assert nested is None or nested.pop("shade") == "dark"
        assert rows == known.everything(f"/v1/{path}", pageLimit=1000)
    (schedules,) = api.data("/v1/business-hours/schedules").values()
    assert [row["brandNew"] for row in schedules] == [BRAND_NEW] * 2


def test_new_fields_are_inside_the_objects_of_exports_and_of_three_lists(connect):
    api = connect(new_fields=True)
    records = api.get(CONVERSATIONS, **span(CONVERSATIONS, 30)).json()
    assert any(tag["shade"] for record in records for tag in record["tags_info"])
    assert all(row["usages"]["shade"] for row in api.data("/v1/queues"))
    assert all(row["inputDefinition"]["shade"] for row in api.data("/v1/custom-attributes"))
    log = api.data(f"/v1/{LISTS[-1]}")
    assert any(entry["author"]["shade"] for entry in log if "author" in entry)


@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        (MESSAGES, "created"),
        *((CONVERSATIONS, field) for field in ("updated", "created", "closed")),
    ],
)
def test_records_out_of_place_surround_the_export(connect, path, field, count):
    api, known = connect(out_of_place=count), connect()
    windows = [span(path, 5, field), span(path, 5, field, NOON - 5 * DAY)]
    ids = Counter()
    for query in windows:
        records = api.get(path, **query).json()
        belonging = known.get(path, **query).json()
        past, future = (count + 1) // 2, count // 2
        assert records[past : len(records) - future] == belonging != []
        for record in records[:past]:
            assert expected.iso(record[f"{field}_at"]).startswith("2001-")
        for record in records[len(records) - future :]:
            assert record[f"{field}_at"] >= NOON + 364 * DAY
        ids.update(record["id"] for record in records)
        again = api.get(path, **query).json()
        assert [record["id"] for record in again] == [record["id"] for record in records]
    ids.subtract(record["id"] for query in windows for record in known.get(path, **query).json())
    assert sorted(ids.elements()) == sorted(key for key in ids if ids[key])
    assert ids.total() == 2 * count


@pytest.mark.slow
def test_records_out_of_place_look_like_the_others(connect):
    api, known = connect(out_of_place=40, new_fields=True), connect(conversations=3000)
    for path in FIELDS:
        records = api.get(path, **span(path, 1)).json()
        others = known.get(path, **span(path, 30)).json()
        types = {(name, type(value)) for record in others for name, value in record.items()}
        found = {(name, type(value)) for record in records for name, value in record.items()}
        assert found - types == {("brandNew", dict)}
    assert api.get(CONVERSATIONS, csids="1").json() == []


@pytest.mark.parametrize("missing", ["/v1/queues", "/beta/queues"])
def test_what_is_missing_is_not_found_in_either_version(connect, missing):
    api = connect(missing={missing, MESSAGES})
    queue = connect().data("/v1/queues")[0]["id"]
    for path in ("/v1/queues", "/beta/queues", f"/v1/queues/{queue}/members", MESSAGES):
        response = api.get(path, **span(MESSAGES, 1))
        assert response.status_code == 404
        assert response.json() == {"message": "Not Found"}
    assert api.data("/v1/teams")
    assert api.get(CONVERSATIONS, **span(CONVERSATIONS, 1)).status_code == 200
    assert [status for *_, status in api.sandbox.answered] == [404] * 4 + [200] * 2


def test_the_dixa_api_is_the_same_in_both_versions(connect):
    api = connect()
    others = ("business-hours/schedules", "organization", "ai-agents", "conversations/flows")
    knowledge = ("templates", "knowledge/collections")
    for path in (*paths(api), *others, *knowledge):
        assert api.data(f"/beta/{path}") == api.data(f"/v1/{path}")
    assert api.get("/beta/conversation_export").status_code == 404


@pytest.mark.parametrize("path", ["agents", "endusers", "conversations/activitylog"])
@pytest.mark.parametrize("version", ["v1", "beta"])
def test_links_stay_in_the_version_that_was_requested(connect, path, version):
    api = connect(conversations=100)
    link = api.get(f"/{version}/{path}", pageLimit=20).json()["meta"]["next"]
    assert link.removeprefix(api.sandbox.url).startswith(f"/{version}/{path}?")
    found = api.everything(f"/{version}/{path}", pageLimit=20)
    assert found == api.everything(f"/v1/{path}", pageLimit=1000)


def test_some_paths_exist_in_beta_alone(connect):
    api = connect(beta_only={"/v1/agents", "/v1/conversations"})
    for path in LISTS:
        moved = path.startswith(("agents", "conversations"))
        response = api.get(f"/v1/{path}")
        assert response.status_code == (404 if moved else 200)
        assert not moved or response.json() == {"message": "Not Found"}
        assert api.data(f"/beta/{path}")
    assert api.get(CONVERSATIONS, **span(CONVERSATIONS, 1)).status_code == 200


def test_a_token_lacks_its_rights_in_both_versions(connect):
    api = connect(forbidden={"/v1/queues": 403})
    assert [api.get(f"/{version}/queues").status_code for version in ("v1", "beta")] == [403, 403]


def test_responses_have_the_date_of_the_data(serve):
    sandbox = serve()
    response = requests.get(f"{sandbox.url}/v1/agents", timeout=HANG)
    assert response.headers["Date"] == "Wed, 11 Mar 2026 12:00:00 GMT"
