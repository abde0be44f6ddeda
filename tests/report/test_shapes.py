"""What replaces a value: one of its type and form, and an equal one each time."""

import io
import json
import logging
import re

import pytest
import requests

from tap_dixa.http.permissions import Permissions
from tap_dixa.http.run import Run
from tap_dixa.report.shapes import Shapes
from tests.conftest import HOUR, NOON

LOGGER = logging.getLogger(__name__)
CONFIG = {"api_token": "secret", "start_date": "2026-01-01", "end_date": "2026-03-12"}


def shaped(*bodies, path="/v1/agents", status=200):
    """Give what is in a file for the bodies of responses."""
    permissions = Permissions(list, LOGGER.warning)
    shapes = Shapes(Run(CONFIG, permissions, "1", LOGGER, LOGGER))
    for number, body in enumerate(bodies):
        response = requests.Response()
        response.status_code = status
        response.raw = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        url = f"https://dev.dixa.io{path}"
        response.request = requests.Request("GET", url, params={"page": number}).prepare()
        shapes.response(path, response)
        assert response.content or not body
    return [each["body"] for each in json.loads(shapes.write({}))["responses"]]


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("0b5e6a5c-1f0f-4c53-9f2e-3d6b3c9b7a11", r"0{8}-0000-4000-8000-\d{12}"),
        ("5f9b3cdd01a2b3c4d5e6f708", r"0{23}1"),
        ("jane.doe@acme.com", r"user1@example\.com"),
        ("+45 12 34 56 78", r"\+15550000001"),
        ("https://acme.com/jane?key=1", r"https://example\.com/1"),
        ("10.20.30.40", r"192\.0\.2\.1"),
        ("2a00:1450::200e", r"2001:db8::1"),
        ("<b>Hello</b> Jane", r"<p>text 1</p>"),
        ("Hello\nJane", r"text 1"),
        ("vip-customer", r"word1"),
        ("4711", r"7000001"),
        ("9" * 5000, r"0{23}1"),
        ("08:30", r"00:01"),
        ("2026-03-11T11:22:33Z", r"2001-02-03T06:00:00Z"),
        ("2026-03-11T11:22:33.25+01:00[Europe/Paris]", r"2001-02-03T06:00:00\.00\+00:00\[GMT\]"),
        ("2026-03-11 11:22", r"2001-02-03 06:00"),
        ("2026-03-11", r"2001-02-03"),
        (str(NOON), r"981180000000"),
        (NOON, r"981180000000"),
        (NOON // 1000, r"981180000"),
        (4711, r"7000001"),
        (-4711, r"-7000001"),
        (1 << 50, r"7000000001"),
        (4.75, r"1\.5"),
        (4.0, r"1\.0"),
    ],
)
def test_the_form_stays_and_the_value_does_not(value, form):
    ((row, again),) = shaped([{"id": value}, {"id": value}])
    assert row == again
    assert type(row["id"]) is type(value)
    assert re.fullmatch(form, str(row["id"]))


@pytest.mark.parametrize("value", [None, True, False, "", 0, [], {}])
def test_what_says_nothing_stays(value):
    assert shaped([{"id": value}]) == [[{"id": value}]]


def test_times_keep_their_order_in_and_around_the_day():
    start, end = NOON - 12 * HOUR, NOON + 12 * HOUR
    times = [start - 5 * HOUR, start - 4 * HOUR, start, NOON, NOON + 1, end - 1, end + 90 * HOUR]
    ((*found,),) = shaped(times)
    assert found == sorted(set(found))
    day = range(981_158_400_000, 981_244_800_000)
    assert [time in day for time in found] == [start <= time < end for time in times]


def test_words_of_dixas_stay_and_those_of_the_account_do_not():
    row = {"initial_channel": "email", "subject": "email", "roles": ["Agent", "Boss"]}
    assert shaped([row]) == [
        [{"initial_channel": "email", "subject": "word1", "roles": ["Agent", "word2"]}]
    ]


def test_names_of_the_account_do_not_stay():
    row = {
        "custom_fields": [{"identifier": "tier", "value": {"gold": 1}}],
        "tier": "x",
        "newField": {"Jane_Doe": 1},
        "jane@acme.com": 1,
    }
    ((found,),) = shaped([row])
    assert [*found][0::2] == ["custom_fields", "newField"]
    names = re.findall(r'"([^"]+)":', json.dumps(found))
    assert {name for name in names if not name.startswith("key")} == {
        *("custom_fields", "identifier", "value", "newField")
    }


def test_a_long_array_is_cut_and_what_is_no_json_or_too_deep_is_left_out():
    long = [{"id": number} for number in range(5000)]
    deep = b'{"data":' + b"[" * 600 + b"]" * 600 + b"}"
    found = shaped(long, {"data": long}, b"<html>Jane</html>", deep, b"[1, 2")
    assert [len(found[0]), len(found[1]["data"])] == [200, 200]
    assert found[2:] == [None, None, None]
