"""Which refusals are a matter of one parent, and which of the token or the whole stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from tap_dixa.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Parent = TypeVar("_Parent")

_MOST = 10
"""So many refusals in a row may be no matter of single parents."""


class Refusals(Generic[_Parent]):
    """Parents, such as conversations or queues, whose rows Dixa refuses to send.

    One that is refused is skipped once Dixa sends the rows of a later one, or those of an earlier
    one again. Until then, it may be the token, or all of them.

    Args:
        request: Requests the rows of a parent again; returns why Dixa refuses them now, if it
            does.
    """

    def __init__(self, request: Callable[[_Parent], RefusedError | None]) -> None:
        self._request_again = request
        self._sent: list[_Parent] = []
        self._skipped: dict[_Parent, str] = {}
        self._pending: dict[_Parent, RefusedError] = {}

    def take_skipped(self) -> Mapping[_Parent, str]:
        """Return the parents that have been skipped since the last call, in order, and why."""
        taken, self._skipped = self._skipped, {}
        return taken

    @property
    def pending(self) -> bool:
        """Whether there are refusals that may have another cause than their parent."""
        return bool(self._pending)

    def add(self, parent: _Parent, error: RefusedError | None) -> None:
        """Add what became of a request.

        Args:
            parent: The parent.
            error: Why Dixa refused the request, if it did.

        Raises:
            RefusedError: Dixa has refused many in a row, and the last one that it sent before.
        """
        if isinstance(error, NotFoundError):
            self._skipped[parent] = str(error)
        elif error is not None:
            self._pending[parent] = error
            if len(self._pending) >= _MOST:
                self.settle()
        else:
            self._sent = [parent]
            self._skip_pending()

    def settle(self) -> None:
        """Find out about the refusals that may have another cause than their parent.

        Raises:
            RefusedError: The first of them: Dixa sends nothing else either.
        """
        if self._pending and any(self._request_again(one) is None for one in self._sent):
            self._skip_pending()
        for error in self._pending.values():
            raise error

    def _skip_pending(self) -> None:
        self._skipped |= {parent: str(error) for parent, error in self._pending.items()}
        self._pending.clear()
