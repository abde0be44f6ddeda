"""JSON text that no target can store, and its repair."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BOM = b"\xef\xbb\xbf"
"""What some programs put before a text in UTF-8."""

_HIGH, _LOW = rb"u[dD][89abAB][0-9a-fA-F]{2}", rb"u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPE = re.compile(rb"\\(?:%b\\%b|(%b|%b)|.)" % (_HIGH, _LOW, _HIGH, _LOW), re.DOTALL)
"""Any escape sequence of JSON; the group is a lone surrogate."""
REPLACEMENT = rb"\ufffd"
"""How JSON spells U+FFFD."""
_NUL = rb"\u0000"
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""What may be U+0000 or a lone surrogate."""
_ESCAPE_OR_NUL = re.compile(rb"\\u0000|" + _ESCAPE.pattern, re.DOTALL)


def repair_text(text: bytes) -> tuple[bytes, int]:
    """Replace what no target can store by U+FFFD, in JSON.

    That is bytes that are not UTF-8, lone surrogates, and U+0000, which PostgreSQL rejects.

    Returns:
        The JSON, and how many places were replaced.
    """
    replaced = 0

    def replace(escape: re.Match[bytes]) -> bytes:
        nonlocal replaced
        if escape.group(1) is None and escape.group() != _NUL:
            return escape.group()
        replaced += 1
        return REPLACEMENT

    text = text.removeprefix(BOM)
    if _SUSPECT.search(text):
        text = _ESCAPE_OR_NUL.sub(replace, text)
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError:
        text = text.decode(errors="replace").encode()
        replaced += 1
    return text, replaced


def lone_surrogates(text: bytearray, end: int, *, is_whole: bool) -> Iterator[int]:
    """Find the escape sequences of halves of a character, in JSON.

    Args:
        text: The JSON.
        end: Where it ends.
        is_whole: Whether nothing follows, such as the other half.

    Returns:
        Where each begins.
    """
    for escape in _ESCAPE.finditer(text, 0, end):
        if half := escape.group(1):
            following = text[escape.end() : min(escape.end() + len(REPLACEMENT), end)]
            is_cut = len(following) < len(REPLACEMENT) and rb"\u".startswith(following[:2])
            if is_whole or half[2] in b"cdefCDEF" or not is_cut:
                yield escape.start()
