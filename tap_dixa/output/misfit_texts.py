"""Misfits, as a warning shows them."""

from __future__ import annotations

import re
from typing import Any

from tap_dixa.output.json_numbers import HugeNumber

_MOST_SHOWN = 30
_LIKE_A_TIME = re.compile(r"[\d:.,TZ+/ -]*", re.ASCII)


def described(value: Any, *, is_time: bool) -> str:
    """Say what a value is, in a few words for a log.

    A text or a number may be personal data, so nothing of it is shown, except where a time should
    be and it consists of nothing but digits and signs. Booleans are shown.
    """
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if value == "":
        return "an empty string"
    if is_time and isinstance(value, int | float | HugeNumber):
        return f"the number {_shortened(str(value))}"
    if is_time and isinstance(value, str) and _LIKE_A_TIME.fullmatch(value):
        return f"the string {_shortened(value)}"
    return kind_of(value)


def kind_of(value: Any) -> str:
    """Say what a value is, and show nothing of it."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float | HugeNumber):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, dict) else "an array"


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
