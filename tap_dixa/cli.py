"""What the SDK's command line lacks: option files that are read once, and errors that name them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
from typing_extensions import override

from tap_dixa.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class JsonObjectFile(click.File):
    """A command-line option that names a file with a JSON object. Its value is that object.

    Args:
        check: Raises `SettingsError` for an object that the option does not accept.
        may_be_empty: Whether an empty file counts as an empty object.
    """

    def __init__(
        self,
        check: Callable[[Mapping[str, Any]], None] | None = None,
        *,
        may_be_empty: bool = False,
    ) -> None:
        super().__init__(encoding="utf-8")
        self._check = check
        self._may_be_empty = may_be_empty

    @override
    def convert(  # type: ignore[override] # a parsed file takes the place of an open one
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dict[str, Any]:
        text = super().convert(value, param, ctx).read()
        if self._may_be_empty and not text.strip():
            return {}
        content = read_object(text, f"{param.opts[0] if param else 'file'} {value}")
        if self._check is not None:
            self._check(content)
        return content


def read_object(text: str, option: str) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        text: Its text.
        option: The option and the file that it comes from, for the message.

    Raises:
        SettingsError: The text is not a JSON object.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{option} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{option} does not hold a JSON object")
    return content
