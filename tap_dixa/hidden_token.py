"""Keep the token out of the log."""

import logging
from typing import Any

_SHORTEST = 8
"""A shorter token is not hidden: it would also be part of innocent words."""
_SHORTEST_PIECE = 4
"""A shorter piece of a token gives nothing away, and many words end with it."""
_HIDDEN = "(token)"

_tokens: set[str] = set()
_formatter = logging.Formatter()
_make_plain_record = logging.getLogRecordFactory()


def hide(token: str) -> None:
    """Hide a token in every log record from now on: messages, tracebacks and stacks."""
    if len(token) < _SHORTEST:
        return
    _tokens.add(token)
    # It is hidden where a record is made: handlers can come later, and each logger has its own.
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
        if without_token(traceback) != traceback:
            # Formatters read the exception itself, each in its own way: it becomes text.
            text, record.exc_info = f"{message}\n{traceback}", None
    if (clean := without_token(text)) != message:
        record.msg, record.args = clean, ()
    if record.stack_info:
        record.stack_info = without_token(record.stack_info)
    return record


def without_token(text: str) -> str:
    """Replace the token in a text."""
    for token in _tokens:
        text = text.replace(token, _HIDDEN)
    return text


def beginning(text: str, length: int) -> str:
    """Cut a text after so many characters, without a piece of the token at the cut.

    The text may have been cut before, such as the first bytes of a body.
    """
    # Hidden before it is cut: a piece of the token is not recognized anywhere but at the end.
    clean = without_token(text)
    for token in _tokens:
        for size in range(len(token) - 1, _SHORTEST_PIECE - 1, -1):
            clean = clean.removesuffix(token[:size])
    return clean[:length]
