from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner

from tap_dixa.sandbox.behaviour import Behaviour
from tap_dixa.sandbox.cli import main
from tap_dixa.sandbox.dataset import DataSet
from tap_dixa.sandbox.dixa_api import DixaApi
from tap_dixa.sandbox.paths import DIXA_API, EXPORTS, may_begin
from tests.conftest import Clock
from tests.sandbox.test_cli import run

CLIENT = """
import base64, json, os, time
from datetime import datetime
import requests

URL, TOKEN = os.environ["TAP_DIXA_EXPORTS_API_URL"], os.environ["TAP_DIXA_API_TOKEN"]
START = int(datetime.fromisoformat(os.environ["TAP_DIXA_START_DATE"]).timestamp()) * 1000

def get(path, timeout=120, **query):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return requests.get(URL + path, query, headers=headers, timeout=timeout)

def post(path, body):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return requests.post(URL + path, json=body, headers=headers, timeout=120)

def export(days, path="/v1/message_export", field="created", **options):
    window = {f"{field}_after": START, f"{field}_before": START + int(days * 86_400_000)}
    return get(path, **window, **options)

def conversations(days):
    return export(days, "/v1/conversation_export", "updated").json()

def reason(days, **options):
    try:
        return export(days, **options).status_code
    except requests.exceptions.RequestException as error:
        return type(error).__name__
"""


def shown(*options, expression):
    """Give what a command sees behind which a sandbox with some options is."""
    small = ("--conversations", "300", "--days", "30", "--requests-per-minute", "0")
    code = f"{CLIENT}\nprint(json.dumps(({expression})))"
    done = run(*small, *options, "--", sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_options_nothing_is_unusual():
    ids, names, statuses = shown(
        expression="[row['id'] for row in conversations(30)], "
        "sorted({name for row in conversations(30) for name in row}), "
        "[get(path).status_code for path in ('/v1/agents', '/beta/agents')]"
    )
    assert 200 < len(ids) < 400
    assert max(ids) < 1 << 31
    assert "brandNew" not in names
    assert statuses == [200, 200]


@pytest.mark.parametrize(
    ("kind", "patience", "reason"),
    [
        ("413", 120, 413),
        pytest.param("cut", 120, "ChunkedEncodingError", marks=pytest.mark.slow),
        pytest.param("hang", 2, "ReadTimeout", marks=pytest.mark.slow),
    ],
)
def test_too_long(kind, patience, reason):
    options = ("--longest-export", "2.5", "--too-long", kind)
    seen = shown(*options, expression=f"reason(2.5), reason(3, timeout=(120, {patience}))")
    assert seen == [200, reason]


def test_longest_export_alone_and_latency():
    options = ("--longest-export", "1", "--latency", "0.5")
    *statuses, seconds = shown(
        *options, expression="reason(1), reason(2), export(1).elapsed.total_seconds()"
    )
    assert statuses == [200, 504]
    assert seconds >= 0.5


def test_new_fields_documented_forms_and_records_out_of_place():
    records, row = shown(
        *("--new-fields", "--out-of-place", "3", "--documented-forms"),
        expression="[conversations(10), get('/v1/queues').json()['data'][0]]",
    )
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
    seen = shown(*options, expression=f"[get(path).status_code for path in {paths}]")
    assert seen == [404, 404, 404, 404, 200, 404, 200, 200]


def test_contacts():
    expression = """[
        len(get("/v1/endusers", pageLimit=1000).json()["data"]),
        *(
            get("/v1/endusers", pageLimit=1000, pageKey=base64.b64encode(
                json.dumps({"path": "/v1/endusers", "place": place}).encode()
            ).decode()).json()
            for place in (0, 99_995)
        )]"""
    first, whole, last = shown("--contacts", "100000", expression=expression)
    assert first == len(whole["data"]) == 1000
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
        ("--without", "/v1/agnets", "/v1/agnets begins no path"),
        ("--without", "agents", "agents begins no path"),
        ("--without", "/v1/", "/v1/ begins no path"),
        ("--beta-only", "/v1/message_export", "/v1/message_export begins no path"),
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


def test_what_is_open_in_analytics_and_intelligence():
    options = ("--analytics-filters", "--analytics-page-keys", "--intelligence-rows", "list")
    query = "{'id': 'ratings', 'timezone': 'UTC', 'periodFilter': {'_type': 'Interval', **ends}}"
    filters = "{'filters': [{'attribute': 'channel', 'values': ['EMAIL']}]}"
    period = "{'period': {'interval': {'from': ends['start'], 'to': ends['end']}}}"
    seen = shown(
        *options,
        *("--presence", "cut"),
        expression="(ends := dict(start=os.environ['TAP_DIXA_START_DATE'], "
        "end='2040-01-01T00:00:00Z')) and "
        f"[post('/v1/analytics/records', {query}).status_code, "
        f"sorted(post('/v1/analytics/records', {{**{query}, **{filters}}}).json()), "
        "[type(row).__name__ for row in post('/beta/intelligence/agents/records/"
        f"agentPresenceDuration', {{'primaryFilter': {period}, 'timezone': 'UTC', "
        "'pagination': {'pageLimit': 2}}).json()['data']]]",
    )
    assert seen == [400, ["data", "pageKey"], ["list", "list"]]
