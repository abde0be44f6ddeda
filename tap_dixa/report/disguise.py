"""What replaces an account's values in the file of shapes, which holds nothing of the account's.

Each value is replaced by one of its type and form, equal values by equal ones, and times by times
in the same order. Kept are words that the schemas name as Dixa's, and the names that Dixa, not the
account, gives to fields and record types.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tap_dixa import schemas
from tap_dixa.download.windows import MARGIN
from tap_dixa.log_shapes import shown_name
from tap_dixa.timestamps import DAY, parse_record_time, to_rfc3339

_FIRST = 981_158_400_000
"""When the tested day begins in a file, in Unix ms: with 3 February 2001."""
_SECOND, _HOUR = 1000, 3_600_000
_YEARS = range(946_684_800, 4_102_444_800)
"""Numbers that are taken for times, in Unix seconds: from 2000 to 2099."""
_DIGITS = 20
"""A text of so many digits is no number."""
MOST_ITEMS = 200
"""So many rows of a response, and items of an array, are in a file."""

_CONSTANTS = re.compile(r"open set|Either |(?:such as|:) [A-Z]\w+ or [A-Z]")
"""What is in the description of a field that holds words of Dixa's."""
_WORDS = re.compile(r"(?:such as|Either|so far|:) (.*)")
_LONG_NAME = re.compile(r"\b[a-z]+(?:_\w+|[A-Z]\w+)")
"""A name in a description that is no word of a language."""
_PAGE = {"data", "meta", "next", "schedules", "schedule", "articles", "categories"}
"""Names in Dixa's responses that no schema has."""
_CATALOGUE = {"id", "category", "field", "filterAttribute"}
"""Where the catalogues of record types have names of Dixa's."""
_NAMED = {*_CATALOGUE, "name", "attribute", "recordId"}
"""Where such a name is used."""

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:([T ])\d\d:\d\d(:\d\d)?(\.\d+)?([Zz]|[+-][\d:]+)?(\[.*\])?)?", re.ASCII
)
_FORMS = (
    (r"(?i)[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}", "00000000-0000-4000-8000-{:012x}"),
    (r"\d\d:\d\d", "00:{:02}"),
    (r"\d+(\.\d+){3}", "192.0.2.{}"),
    (r"(?i)[\da-f]*(:[\da-f]*){2,}", "2001:db8::{:x}"),
    (r"[^@\s<>]+@[^@\s<>]+", "user{}@example.com"),
    (r"\+[\d ()./-]{5,}", "+1555{:07}"),
    (r"(?i)[a-z][a-z\d+.-]*://\S*", "https://example.com/{}"),
    (r"(?i)[\da-f]{16,}", "{:024x}"),
    (r"(?s)\s*<.*", "<p>text {}</p>"),
    (r"\S+", "word{}"),
    (r"(?s).*", "text {}"),
)
"""The forms of texts, of which the first that fits counts, and what replaces such a text."""


class Disguise:
    """Replaces the values of a test that read what lies between two times, in Unix ms."""

    def __init__(self, start: int, end: int) -> None:
        self._start, self._end = start, end
        self._numbers: dict[Any, int] = {}
        self._times: dict[int, int] = {}
        """What replaces each time, in Unix ms."""
        self._own: set[str] = set()
        """Names that the account gives to something, in lower case."""
        self._catalogued: set[str] = set()
        """The names in the catalogues of record types."""
        self._is_of_records = self._is_catalogue = False
        """What the response is about."""
        self._fields = {*_PAGE, "values", "primaryTimestampField"}
        """Names of fields."""
        self._constants: dict[str, set[str]] = {}
        """The words of Dixa's that fields may hold, in lower case, by the names of the fields."""
        self._objects = set(_PAGE)
        """The fields in which all names are Dixa's."""
        free: set[str] = set()
        for file in Path(schemas.__path__[0]).glob("*.json"):
            self._learn(json.loads(file.read_bytes())["properties"], free)
        self._objects -= free

    def _learn(self, properties: Mapping[str, Any], free: set[str]) -> None:
        """Learn the words of a schema, and the names of objects whose names it does not have."""
        for name, about in properties.items():
            text = about.get("description", "")
            self._fields |= {name, *_LONG_NAME.findall(text)}
            if _CONSTANTS.search(text) and (words := _WORDS.search(text)):
                found = re.findall(r"[a-z]\w*", words[1].lower())
                self._constants.setdefault(name, set()).update(found)
            if inner := about.get("properties") or about.get("items", {}).get("properties"):
                self._objects.add(name)
                self._learn(inner, free)
            elif '"object"' in json.dumps(about):
                free.add(name)

    def response(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Replace what a request and its response hold."""
        asked, path = found["asked"], found["path"]
        self._is_of_records = "/analytics/" in path or "/intelligence/" in path
        self._is_catalogue = self._is_of_records and not asked.keys() & {"id", "recordId"}
        body = None
        with suppress(RecursionError):
            body = self._value(found["body"], "", is_open=True)
        asked = {name: self._value(value, name) for name, value in asked.items()}
        return {**found, "asked": asked, "body": body}

    def place_times(self) -> None:
        """Decide what replaces each time: seconds, so that all forms of times keep the order."""
        times = sorted(self._times)
        before = [time for time in times if time < self._start - 2 * MARGIN]
        inside = [time for time in times if self._start <= time < self._end]
        after = [time for time in times if time >= self._end + 2 * MARGIN]
        step = min(_SECOND, 12 * _HOUR // (len(inside) + 1))
        self._times = {
            **dict.fromkeys(times, _FIRST - 5 * _SECOND),  # Dixa was asked for a little more
            **{time: _FIRST - 2 * DAY - n * _SECOND for n, time in enumerate(reversed(before))},
            **{time: _FIRST + 6 * _HOUR + n * step for n, time in enumerate(inside)},
            **{time: _FIRST + 3 * DAY + n * _SECOND for n, time in enumerate(after)},
        }

    def _value(self, value: Any, name: str, *, is_open: bool = False) -> Any:
        """Replace what is in a field. If it is open, the names in it are Dixa's."""
        match value:
            case dict():
                return {
                    self._key(key, name, is_open=is_open): self._value(
                        inner, key, is_open=is_open and key in self._objects
                    )
                    for key, inner in value.items()
                }
            case list():
                return [self._value(each, name, is_open=is_open) for each in value[:MOST_ITEMS]]
            case bool() | None | "":
                return value
            case int():
                return self._integer(value)
            case float():
                return self._number(value) + (0.0 if value.is_integer() else 0.5)
        return self._text(value, name)

    def _key(self, key: str, parent: str, *, is_open: bool = True) -> str:
        if key in self._fields or key.lower() in self._constants.get(parent, ()):
            return key
        return key if is_open and self._is_plain(key) else f"key{self._number(key)}"

    def _is_plain(self, name: str) -> bool:
        """Whether a name looks like one of Dixa's, and the account has given it to nothing."""
        return shown_name(name) == name and name.lower() not in self._own

    def _text(self, text: str, name: str) -> str:
        if name in {"identifier", "label"}:
            self._own.add(text.lower())
        if name in _CATALOGUE and self._is_catalogue:
            self._catalogued.add(text)
        is_known = text in self._fields or (text in self._catalogued and self._is_plain(text))
        if self._is_of_records and name in _NAMED and is_known:
            return text
        if text.lower() in self._constants.get(name, ()):
            return text
        if name == "next" and (query := urlsplit(text).query):
            asked = {self._key(each, ""): self._text(key, each) for each, key in parse_qsl(query)}
            return f"{'https://example.com' * ('://' in text)}/v1/next?{urlencode(asked)}"
        with suppress(OverflowError, ValueError):
            if time_form := _TIME.fullmatch(text):
                return _written(self._time(parse_record_time(text)), time_form)
        if len(text) < _DIGITS and text.isascii() and text.isdecimal():
            return str(self._integer(int(text)))
        form = next(form for pattern, form in _FORMS if re.fullmatch(pattern, text))
        return form.format(self._number(text))

    def _time(self, time: int) -> int:
        return self._times.setdefault(time, _FIRST)

    def _integer(self, number: int) -> int:
        if number in _YEARS:
            return self._time(number * 1000) // 1000
        if number // 1000 in _YEARS:
            return self._time(number)
        large = 7_000_000_000 if abs(number) >> 31 else 7_000_000
        return number and (large + self._number(abs(number))) * (1 if number > 0 else -1)

    def _number(self, value: Any) -> int:
        """Number different values."""
        return self._numbers.setdefault(value, len(self._numbers) + 1)


def _written(time: int, form: re.Match[str]) -> str:
    """Write a time, in Unix ms, in the form of another one."""
    text = to_rfc3339(time)
    separator, seconds, fraction, zone, name = (part or "" for part in form.groups())
    clock = text[11:16] + text[16:19] * bool(seconds)
    ending = re.sub(r"\d", "0", fraction + zone) + "[GMT]" * bool(name)
    return text[:10] + (separator and separator + clock + ending)
