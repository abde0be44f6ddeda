"""Keep secrets out of the log, whichever logger, handler or formatter writes it."""

from __future__ import annotations

import base64
import logging
from functools import cache
from typing import Any
from urllib.parse import quote

_SHORTEST = 8
"""A shorter secret is not redacted: it would also be part of innocent words."""
_REDACTED = "(token)"

_secrets: set[str] = set()
_formatter = logging.Formatter()
_make_plain_record = logging.getLogRecordFactory()


def redact(secret: str) -> None:
    """Replace a secret in every log record from now on: messages, tracebacks and stacks."""
    if len(secret) < _SHORTEST:
        return
    _secrets.add(secret)
    # A record is redacted where it is made: handlers can come later, and each logger has its own.
    logging.setLogRecordFactory(_make_record)


def _make_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = _make_plain_record(*args, **kwargs)
    try:
        message = record.getMessage()
    except (TypeError, ValueError):  # logging reports a call with wrong arguments by itself
        return record
    text = message
    if record.exc_info:
        traceback = _formatter.formatException(record.exc_info)
        if redacted(traceback) != traceback:
            # Formatters read the exception itself, each in its own way: it becomes text.
            text, record.exc_info = f"{message}\n{traceback}", None
    if (clean := redacted(text)) != message:
        record.msg, record.args = clean, ()
    if record.stack_info:
        record.stack_info = redacted(record.stack_info)
    return record


def redacted(text: str) -> str:
    """Replace all secrets in a text, also where they are URL-encoded or base64."""
    for secret in _secrets:
        for spelling in _spellings(secret):
            text = text.replace(spelling, _REDACTED)
    return text


@cache
def _spellings(secret: str) -> tuple[str, ...]:
    """Give the ways in which a response may echo a secret."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    basic = base64.b64encode(f"bearer:{secret}".encode()).decode().rstrip("=")
    return secret, quote(secret, safe=""), encoded, basic
