"""What the log shows of responses: no piece of the token, and shapes in place of values."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from tests.conftest import DAY, NOON, catalog, settings
from tests.faults import Odd, Refusal

TOKEN = "".join(f"{number:03d}xYz" for number in range(20))[:117]
JANE = "jane.quux@example.com"
CREATED = NOON - 10 * DAY
UUID = "00000000-0000-4000-8000-000000000000"


def record(**fields):
    return json.dumps({"id": UUID, "csid": 7, "created_at": CREATED, **fields})


# What Dixa sends, and a stream that reads it.
EXPORTS = {
    "an object": Refusal(200, body=json.dumps({"message": "@"})),
    "a text": Refusal(200, body="@"),
    "HTML": Refusal(200, body="<html>@"),
    "an unfinished array": Refusal(200, body='[{"id": "@'),
    "an error as an object": Refusal(422, body=json.dumps({"message": "@", "@": 1})),
    "an error as a text": Refusal(500, body="@"),
    "an error whose reason is a text": Refusal(418, body="@" * 3000),
    "no id": Odd(json.dumps({"text": "@", "id": None, "created_at": CREATED})),
    "no time": Odd(record(created_at="@")),
    "a time in another millennium": Odd(record(created_at=10**17, text="@")),
    "not an object": Odd(json.dumps("@")),
    "a new field": Odd(record(**{"@": "x"})),
    "a new part of a field": Odd(record(author={"@": "@"})),
    "a value that does not fit": Odd(record(csid="@", text=["@"], to={"@": "@"})),
    "an id that is data": Odd(record(id="@", text=["@"])),
    "a deep value": Odd(record(text="@")[:-1] + ', "deep": ' + "[" * 5000 + "]" * 5000 + "}"),
}
PAGES = {
    "a row that is none": Refusal(200, body=json.dumps({"data": ["@"]})),
    "a row without id": Refusal(200, body=json.dumps({"data": [{"name": "@", "@": 1}]})),
    "rows that are none": Refusal(200, body=json.dumps({"data": "@"})),
    "a page that is none": Refusal(200, body=json.dumps(["@"])),
    "a link that leads nowhere": Refusal(
        200, body=json.dumps({"data": [], "meta": {"next": "https://[@"}})
    ),
    "a page that is damaged": Refusal(200, body='{"data": [{"id": "@'),
    "an error": Refusal(404, body=json.dumps({"message": "@"})),
    "a new field of a row": Refusal(200, body=json.dumps({"data": [{"id": "1", "@": 1}]})),
}
CASES = [
    *(pytest.param("messages", fault, id=name) for name, fault in EXPORTS.items()),
    *(pytest.param("agents", fault, id=f"agents: {name}") for name, fault in PAGES.items()),
]


def run_with(serve, run_tap, stream, fault, said, level):
    """Run one stream, whose responses say something in place of the @."""
    sandbox = serve(days=20, token=TOKEN)
    name = "text" if isinstance(fault, Odd) else "body"
    text = getattr(fault, name).replace("@", json.dumps(said)[1:-1])
    odd = replace(fault, **{name: text})
    sandbox.behaviour.faults.extend([odd] * 8)
    sandbox.behaviour.api_faults.extend([odd] * 8)
    environment = {"TAP_DIXA_LOGLEVEL": level, "LOGLEVEL": level}
    config = settings(sandbox, parallel_downloads=1)
    return run_tap(config, catalog=catalog(stream), environment=environment)


def pieces(token, length=8):
    return {token[start : start + length] for start in range(len(token) - length + 1)}


@pytest.mark.parametrize("level", ["DEBUG", pytest.param("INFO", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("stream", "fault"), CASES)
def test_no_piece_of_the_token_is_in_the_log(serve, run_tap, stream, fault, level, evidence):
    for before in (20, 150):
        said = "~" * before + TOKEN
        log = run_with(serve, run_tap, stream, fault, said, level).log
        assert {piece for piece in pieces(TOKEN) if piece in log} == set()
        assert "Traceback" not in log or level == "DEBUG"
    evidence("outputs searched for the token", 2)


@pytest.mark.parametrize(("stream", "fault"), CASES)
def test_no_text_of_a_response_is_in_the_log(serve, run_tap, stream, fault, evidence):
    run = run_with(serve, run_tap, stream, fault, JANE, "INFO")
    assert not re.findall("jane|quux", run.log)
    assert len(run.log.splitlines()) > 1
    assert "unexpected" not in run.log
    evidence("logs searched for texts of a response")


def test_at_the_level_debug_the_text_is_shown(serve, run_tap):
    fault = EXPORTS["an error as an object"]
    assert JANE in run_with(serve, run_tap, "messages", fault, JANE, "DEBUG").log
