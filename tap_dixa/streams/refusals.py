"""Which refusals are a matter of one conversation, and which of the token or the whole stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_dixa.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MOST = 10
"""So many refusals in a row may be no matter of single conversations."""


class Refusals:
    """Conversations that Dixa does not send something of.

    One that is refused is passed by once Dixa sends that of a later one, or that of an earlier
    one once more. Until then, it may be the token, or all of them.

    Args:
        request: Requests that of a conversation, by its id, which Dixa has sent before; returns
            why Dixa refuses it now, if it does.
    """

    def __init__(self, request: Callable[[int], RefusedError | None]) -> None:
        self._request_again = request
        self._sent: int | None = None
        self._passed_by: dict[int, RefusedError] = {}
        self._pending: dict[int, RefusedError] = {}

    @property
    def passed_by(self) -> Mapping[int, RefusedError]:
        """The conversations that are passed by, by their ids, and why."""
        return self._passed_by

    @property
    def pending(self) -> bool:
        """Whether there are refusals that may have another cause than their conversation."""
        return bool(self._pending)

    def add(self, conversation: int, error: RefusedError | None) -> None:
        """Add what became of a request.

        Args:
            conversation: The conversation's id.
            error: Why Dixa refused it, if it did.

        Raises:
            RefusedError: Dixa has refused many in a row, and the last one that it sent before.
        """
        if isinstance(error, NotFoundError):
            self._passed_by[conversation] = error
        elif error is not None:
            self._pending[conversation] = error
            if len(self._pending) >= _MOST:
                self.settle()
        else:
            self._sent = conversation
            self._pass_by()

    def settle(self) -> None:
        """Find out about the refusals that may have another cause than their conversation.

        Raises:
            RefusedError: The first of them: Dixa sends nothing else either.
        """
        if self._pending and self._sent is not None and self._request_again(self._sent) is None:
            self._pass_by()
        for error in self._pending.values():
            raise error

    def _pass_by(self) -> None:
        self._passed_by |= self._pending
        self._pending.clear()
