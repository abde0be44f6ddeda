"""What an account has set up, and its knowledge base."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from tests import expected
from tests.end_to_end.everything import CHANNELS, catalogued

pytestmark = pytest.mark.xdist_group("configuration")


@pytest.fixture(scope="module")
def api(shared):
    return shared(conversations=300)


def test_there_is_one_organization_and_it_owns_the_queues(api):
    organization = api.data("/v1/organization")
    assert {row["organizationId"] for row in api.data("/v1/queues")} == {organization["id"]}


def test_flows_are_listed_by_channel_and_lead_to_what_customers_contact(api):
    flows = {channel: api.data("/v1/conversations/flows", channel=channel) for channel in CHANNELS}
    assert api.data("/v1/conversations/flows") == flows["PstnPhone"]
    assert {row["channel"] for rows in flows.values() for row in rows} == set(CHANNELS)
    endpoints = {
        row.get("address") or row.get("number") for row in api.data("/v1/contact-endpoints")
    }
    for channel in ("Email", "ContactForm", "PstnPhone", "Callback", "Voicemail"):
        assert {row["contactEndpointId"] for row in flows[channel]} <= endpoints


def test_templates_have_two_types_and_the_log_names_one(api):
    templates = api.everything("/v1/templates")
    kinds = {row["_type"] for row in templates}
    assert kinds == {"QuickResponse", "EmailAutoReply"}
    agents = {row["id"] for row in api.everything("/v1/agents")}
    for row in templates:
        assert {row["createdBy"], row.get("lastEditedBy", row["createdBy"])} <= agents
        assert re.fullmatch(r"2023-\d\d-\d\dT[\d:.]+\+00:00", row["createdAt"])
    log = api.everything("/v1/conversations/activitylog", pageLimit=10_000)
    names = {entry.get("attributes", {}).get("templateName") for entry in log} - {None}
    assert names
    assert names <= {row["name"] for row in templates if row["_type"] == "EmailAutoReply"}


def test_catalogs_lead_to_categories_and_articles_that_lead_back(api):
    collections = api.everything("/v1/knowledge/collections")
    assert len(api.pages("/v1/knowledge/collections")) == 2
    ids = {row["id"] for row in collections}
    catalogs = {one: api.data(f"/v1/knowledge/collections/{one}/catalog") for one in ids}
    assert {} in catalogs.values()
    found = catalogued(api, collections)
    rows = {
        kind: {one: api.data(f"/v1/knowledge/{kind}/{one}") for one in those}
        for kind, those in found.items()
    }
    for kind, those in rows.items():
        for one, row in those.items():
            assert row["id"] == one
            assert set(row["parentCollections"]) <= ids
            assert row.get("parentCategory") in {None, *rows["categories"]}
            of_collections = [
                collection for collection in collections
                if one in catalogued(api, [collection])[kind]
            ]  # fmt: skip
            assert {row["id"] for row in of_collections} == set(row["parentCollections"])
    articles = rows["articles"].values()
    assert {len(row["parentCollections"]) for row in articles} == {1, 2}
    assert {"published" in row["translation"] for row in articles} == {True, False}
    assert any("parentCategory" in row for row in rows["categories"].values())


def test_ratings_are_those_of_the_export(connect):
    api = connect(conversations=120)
    kinds = {"csat": "Csat", "nps": "Nps", "thumbs": "ThumbsUpOrDown"}
    surveys = {}
    for csid, record in expected.source(api.sandbox.data, "conversations").items():
        rows = api.data(f"/v1/conversations/{csid}/ratings")
        surveys |= {row["id"]: csid for row in rows}
        assert len({row["id"] for row in rows}) <= 1
        for row, rating in zip(rows, record.get("ratings", []), strict=True):
            assert row["ratingType"] == kinds[rating["rating_type"]]
            assert row["ratingStatus"].lower() == rating["rating_status"]
            assert row.get("ratingScore") == rating.get("rating_score")
            assert row["userId"] == record["requester_id"]
    assert len(surveys) > 20


UNKNOWN = str(UUID(int=1, version=4))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/conversations/flows?channel=Fax", 400),
        ("/v1/templates?pageLimit=101", 400),
        ("/v1/knowledge/collections?pageLimit=0", 400),
        ("/v1/knowledge/collections/x/catalog", 400),
        (f"/v1/knowledge/collections/{UNKNOWN}/catalog", 404),
        (f"/v1/knowledge/categories/{UNKNOWN}", 404),
        (f"/v1/knowledge/articles/{UNKNOWN}", 404),
        ("/v1/business-hours/schedules/1/definition", 400),
        (f"/v1/business-hours/schedules/{UNKNOWN}/definition", 404),
        ("/v1/conversations/x/ratings", 400),
        ("/v1/conversations/1/ratings", 404),
    ],
)
def test_what_dixa_refuses_or_does_not_have(api, path, status):
    assert api.get(path).status_code == status
