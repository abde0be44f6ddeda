"""What the log shows of responses: no piece of the token, and shapes in place of values."""

import json
from dataclasses import replace

import pytest

from tests.conftest import DAY, NOON
from tests.end_to_end.odd_rows import UUID, listed, page
from tests.faults import Odd, Refusal

TOKEN = "".join(f"{number:03d}xYz" for number in range(20))[:117]
PIECES = {TOKEN[start : start + 8] for start in range(len(TOKEN) - 7)}
JANE = "jane.quux@example.com"


def record(**fields):
    """Put a record among others, in which @ stands for what is looked for."""
    return Odd(json.dumps({"id": UUID, "csid": 7, "created_at": NOON - 10 * DAY, **fields}))


DEEP = '"deep": ' + "[" * 5000 + "]" * 5000 + "}"
# What Dixa sends, and the stream that reads it.
ANSWERS = {
    "messages": {
        "an object": Refusal(200, body=json.dumps({"message": "@"})),
        "HTML": Refusal(200, body="<html>@"),
        "an unfinished array": Refusal(200, body='[{"id": "@'),
        "an error as an object": Refusal(422, body=json.dumps({"message": "@", "@": 1})),
        "an error as a text": Refusal(500, body="@"),
        "an error whose reason is a text": Refusal(418, body="@" * 3000),
        "no id": record(text="@", id=None),
        "no time": record(created_at="@"),
        "a time in another millennium": record(created_at=10**17, text="@"),
        "not an object": Odd(json.dumps("@")),
        "a new field": record(**{"@": "x"}),
        "a new part of a field": record(author={"@": "@"}),
        "a value that does not fit": record(csid="@", text=["@"], to={"@": "@"}),
        "an id that is data": record(id="@", text=["@"]),
        "a deep value": Odd(f"{record(text='@').text[:-1]}, {DEEP}"),
    },
    "agents": {
        "a row that is none": page('"@"'),
        "a row without id": listed({"name": "@", "@": 1}),
        "rows that are none": Refusal(200, body=json.dumps({"data": "@"})),
        "a page that is none": Refusal(200, body=json.dumps(["@"])),
        "a link that leads nowhere": Refusal(
            200, body=json.dumps({"data": [], "meta": {"next": "https://[@"}})
        ),
        "a page that is damaged": Refusal(200, body='{"data": [{"id": "@'),
        "an error": Refusal(404, body=json.dumps({"message": "@"})),
        "a new field of a row": listed({"id": "1", "@": 1}),
    },
}


@pytest.fixture
def log_of(account_of):
    """Give a function that gives the log of a stream whose responses say something."""

    def run(stream, answer, said, level):
        name = "text" if isinstance(answer, Odd) else "body"
        text = getattr(answer, name).replace("@", json.dumps(said)[1:-1])
        odd = [replace(answer, **{name: text})] * 8
        options = {"config": {"parallel_downloads": 1}, "faults": odd, "api_faults": odd}
        account = account_of(stream, **options, conversations=5, days=20, token=TOKEN)
        return account.sync(environment={"TAP_DIXA_LOGLEVEL": level, "LOGLEVEL": level}).log

    return run


@pytest.mark.parametrize("level", ["INFO", "DEBUG"])
@pytest.mark.parametrize(
    ("stream", "answer"),
    [
        pytest.param(stream, answer, id=f"{stream}: {name}")
        for stream, answers in ANSWERS.items()
        for name, answer in answers.items()
    ],
)
def test_no_text_of_a_response_and_no_piece_of_the_token_is_in_the_log(
    log_of, stream, answer, level
):
    # Far enough apart that what is cut after some characters may end in the middle of one.
    said = f"{JANE}{TOKEN}{'~' * 13}{TOKEN}"
    log = log_of(stream, answer, said, level)
    assert len(log.splitlines()) > 1
    assert {piece for piece in PIECES if piece in log} == set()
    assert "unexpected" not in log
    if level == "INFO":
        assert not any(text in log for text in ("jane", "quux", "Traceback"))


def test_at_the_level_debug_the_text_is_shown(log_of):
    answer = ANSWERS["messages"]["an error as an object"]
    assert JANE in log_of("messages", answer, JANE, "DEBUG")
