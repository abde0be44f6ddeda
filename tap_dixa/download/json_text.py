"""JSON text that no target can store, and its repair."""

from __future__ import annotations

import re

BOM = b"\xef\xbb\xbf"
"""What some programs put before a text in UTF-8."""
REPLACEMENT = rb"\ufffd"
"""How JSON spells U+FFFD. It is as long as what it replaces."""

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""What may be U+0000 or half a character."""
_HIGH, _LOW = rb"u[dD][89abAB][0-9a-fA-F]{2}", rb"u[dD][c-fC-F][0-9a-fA-F]{2}"
_CUT = rb"%b(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z" % _HIGH
"""What may be the first half of a character, where JSON is cut."""
_ESCAPE = re.compile(
    rb"\\(?:%b\\%b|%b|(%b|%b|u0000)|.)" % (_HIGH, _LOW, _CUT, _HIGH, _LOW), re.DOTALL
)
"""Any escape sequence of JSON; the group is one that no target can store."""


def repair_text(text: bytes) -> tuple[bytes, int]:
    """Replace what no target can store by U+FFFD, in JSON.

    That is bytes that are not UTF-8, lone surrogates, and U+0000, which PostgreSQL rejects.

    Returns:
        The JSON, and how many places were replaced.
    """
    text = text.removeprefix(BOM)
    replaced = 0
    if _SUSPECT.search(text):
        repaired = bytearray(text)
        replaced = len(replace_escapes(repaired, len(repaired)))
        text = bytes(repaired)
    try:
        if not text.isascii():
            text.decode()
    except UnicodeDecodeError:
        text = text.decode(errors="replace").encode()
        replaced += 1
    return text, replaced


def replace_escapes(text: bytearray, end: int) -> list[int]:
    """Replace escape sequences that no target can store by that of U+FFFD, in JSON.

    Args:
        text: The JSON.
        end: Where it ends, or is cut.

    Returns:
        Where each of them begins.
    """
    offsets = [escape.start() for escape in _ESCAPE.finditer(text, 0, end) if escape[1]]
    for offset in offsets:
        text[offset : offset + len(REPLACEMENT)] = REPLACEMENT
    return offsets
