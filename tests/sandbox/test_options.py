from __future__ import annotations

import base64
import json
from contextlib import contextmanager

import pytest
import requests
from click.testing import CliRunner

from tap_dixa.timestamps import to_rfc3339
from tap_dixa_sandbox.behaviour import Behaviour
from tap_dixa_sandbox.cli import main, serve
from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.dixa_api import DixaApi
from tap_dixa_sandbox.options import made_with
from tap_dixa_sandbox.paths import DIXA_API, EXPORTS, may_begin
from tests.conftest import DAY, Clock
from tests.events import HANG
from tests.sandbox.conftest import Client

SMALL = ("--conversations", "300", "--days", "30", "--requests-per-minute", "0")


class Account(Client):
    """Sends requests to a sandbox that was started with options."""

    def post(self, path, body):
        headers = {"Authorization": f"Bearer {self.sandbox.behaviour.token}"}
        return requests.post(self.sandbox.url + path, json=body, headers=headers, timeout=HANG)

    def export(self, days, path="/v1/message_export", field="created", patience=HANG):
        start = self.sandbox.data.start
        window = {f"{field}_after": start, f"{field}_before": start + int(days * DAY)}
        headers = {"Authorization": f"Bearer {self.sandbox.behaviour.token}"}
        url = self.sandbox.url + path
        return requests.get(url, window, headers=headers, timeout=(HANG, patience))

    def conversations(self, days):
        return self.export(days, "/v1/conversation_export", "updated").json()

    def reason(self, days, patience=HANG):
        try:
            return self.export(days, patience=patience).status_code
        except requests.exceptions.RequestException as error:
            return type(error).__name__


@contextmanager
def started(*options):
    """Start a sandbox as the command line does with some options."""
    given = serve.make_context("serve", [*SMALL, *options])
    with given, made_with(**given.params) as sandbox:
        yield Account(sandbox)


def test_without_options_nothing_is_unusual():
    with started() as account:
        rows = account.conversations(30)
        statuses = [account.get(path).status_code for path in ("/v1/agents", "/beta/agents")]
    assert 200 < len(rows) < 400
    assert max(row["id"] for row in rows) < 1 << 31
    assert not any("brandNew" in row for row in rows)
    assert statuses == [200, 200]


@pytest.mark.parametrize(
    ("kind", "patience", "reason"),
    [
        ("413", HANG, 413),
        pytest.param("cut", HANG, "ChunkedEncodingError", marks=pytest.mark.slow),
        pytest.param("hang", 2, "ReadTimeout", marks=pytest.mark.slow),
    ],
)
def test_too_long(kind, patience, reason):
    with started("--longest-export", "2.5", "--too-long", kind) as account:
        assert account.reason(2.5) == 200
        assert account.reason(3, patience) == reason


def test_longest_export_alone_and_latency():
    with started("--longest-export", "1", "--latency", "0.5") as account:
        assert account.reason(1) == 200
        assert account.reason(2) == 504
        assert account.export(1).elapsed.total_seconds() >= 0.5


def test_new_fields_documented_forms_and_records_out_of_place():
    with started("--new-fields", "--out-of-place", "3", "--documented-forms") as account:
        records, row = account.conversations(10), account.data("/v1/queues")[0]
    assert records[0]["brandNew"] == row["brandNew"] == {"level": 3, "labels": ["a"]}
    assert row["usages"]["shade"] == "dark"
    kinds = {rating["rating_type"] for record in records for rating in record.get("ratings", ())}
    assert {"CSAT"} <= kinds <= {"CSAT", "NPS", "THUMBS"}
    ids = [record["id"] for record in records]
    assert [number > 1 << 40 for number in ids] == [True, True, *[False] * (len(ids) - 3), True]
    assert len(ids) > 3


def test_without_and_beta_only():
    paths = [
        *("/v1/agents", "/beta/agents", "/v1/message_export"),
        *("/v1/queues", "/beta/queues", "/v1/teams", "/beta/teams"),
        "/v1/tags",
    ]
    options = ("--without", "/v1/agents", "--without", "/v1/message_export")
    options += ("--beta-only", "/v1/queues", "--beta-only", "/v1/teams")
    with started(*options) as account:
        seen = [account.get(path).status_code for path in paths]
    assert seen == [404, 404, 404, 404, 200, 404, 200, 200]


def test_contacts():
    def page(account, place):
        key = base64.b64encode(json.dumps({"path": "/v1/endusers", "place": place}).encode())
        return account.get("/v1/endusers", pageLimit=1000, pageKey=key.decode()).json()

    with started("--contacts", "100000") as account:
        first = account.data("/v1/endusers", pageLimit=1000)
        whole, last = page(account, 0), page(account, 99_995)
    assert len(first) == len(whole["data"]) == 1000
    assert "next" in whole["meta"]
    assert len(last["data"]) == 5
    assert "next" not in last["meta"]
    assert len({row["id"] for row in whole["data"] + last["data"]}) == 1005


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--latency", "-1", "range x>=0"),
        ("--latency", "nan", "nan is not a finite number"),
        ("--longest-export", "0", "range x>0"),
        ("--longest-export", "inf", "inf is not a finite number"),
        ("--too-long", "404", "'404' is not one of '504', "),
        ("--out-of-place", "some", "'some' is not a valid integer"),
        ("--without", "/v1/agnets", "/v1/agnets is not the beginning"),
        ("--without", "agents", "agents is not the beginning"),
        ("--without", "/v1/", "/v1/ is not the beginning"),
        ("--beta-only", "/v1/message_export", "/v1/message_export is not the beginning"),
        ("--contacts", "0", "range x>=1"),
    ],
)
def test_bad_values(option, value, said):
    done = CliRunner().invoke(main, ["run", option, value, "--", "true"])
    assert done.exit_code == 2
    assert f"Invalid value for '{option}'" in done.output
    assert said in done.output


def test_every_path_that_is_served_can_be_given():
    served = [route.path for route in DixaApi(DataSet(1, 1, Clock()), Behaviour(), []).routes]
    assert len(served) > 20
    assert all(may_begin(path, DIXA_API) for path in served)
    assert all(may_begin(f"/v1{path}", EXPORTS) for path in EXPORTS)


def test_what_is_open_in_analytics():
    with started("--analytics-filters", "--analytics-page-keys") as account:
        start, end = to_rfc3339(account.sandbox.data.start), "2040-01-01T00:00:00Z"
        query = {
            "id": "ratings",
            "timezone": "UTC",
            "periodFilter": {"_type": "Interval", "start": start, "end": end},
        }
        assert account.post("/v1/analytics/records", query).status_code == 400
        filters = [{"attribute": "channel", "values": ["EMAIL"]}]
        filtered = account.post("/v1/analytics/records", {**query, "filters": filters})
        assert sorted(filtered.json()) == ["data", "pageKey"]
