"""Values that their field cannot hold, as a warning shows them."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tap_dixa.output.json_numbers import HugeNumber

_MOST_SHOWN = 30
_LIKE_A_TIME = re.compile(r"[\d:.,TZ+/ -]*", re.ASCII)


class Misfit(NamedTuple):
    """A value that its field does not accept and that cannot be converted without loss."""

    path: str
    """The field. The path has dots into objects and ``[]`` into arrays."""
    value: Any
    """The value, decoded."""
    is_time: bool
    """Whether the field is a time."""

    def __str__(self) -> str:
        """Say what the value is, in a few words for a log.

        A text or a number may be personal data, so nothing of it is shown, except where a time
        should be and it consists of nothing but digits and signs. Booleans are shown.
        """
        value = self.value
        if isinstance(value, bool):
            return f"the boolean {str(value).lower()}"
        if self.is_time and isinstance(value, int | float | HugeNumber):
            return f"the number {_shortened(str(value))}"
        if isinstance(value, str):
            if not value:
                return "an empty string"
            if self.is_time and _LIKE_A_TIME.fullmatch(value):
                return f"the string {_shortened(value)}"
        return self.kind

    @property
    def kind(self) -> str:
        """What it is, and nothing of it."""
        if isinstance(self.value, bool):
            return "a boolean"
        if isinstance(self.value, int | float | HugeNumber):
            return "a number"
        if isinstance(self.value, str):
            return "a string"
        return "an object" if isinstance(self.value, dict) else "an array"


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
