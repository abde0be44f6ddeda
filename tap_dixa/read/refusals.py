"""Tell a refused parent from a refused stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from tap_dixa.errors import NotFoundError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_Parent = TypeVar("_Parent")

_MOST = 10
"""So many refusals in a row may be no matter of single parents."""


class Refusals(Generic[_Parent]):
    """Parents, such as conversations or queues, whose rows Dixa refuses to send.

    A refused parent is skipped as soon as Dixa sends the rows of another one: of a later parent,
    of the last one that it sent before or, while it has sent none in this run, of one of the
    others. Until then, the reason may be the token, or concern all parents.

    Args:
        request: Requests the rows of a parent again; returns why Dixa refuses them now, if it
            does.
        others: Parents that are requested to find out whether Dixa sends any rows. They are only
            read if all parents so far were refused.
    """

    def __init__(
        self,
        request: Callable[[_Parent], RefusedError | None],
        others: Iterable[_Parent] = (),
    ) -> None:
        self._request_again = request
        self._others = others
        self._skipped: dict[_Parent, RefusedError] = {}
        self._pending: dict[_Parent, RefusedError] = {}
        self.sent: _Parent | None = None
        """The last parent whose rows Dixa has sent in this run."""

    def take_skipped(self) -> Mapping[_Parent, RefusedError]:
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
            RefusedError: Dixa has refused many in a row, and sends no other either.
        """
        if error is None:
            self.sent = parent
            self._skip_pending()
        elif isinstance(error, NotFoundError) and self.sent is not None:
            self._skipped[parent] = error
        else:
            self._pending[parent] = error
            if len(self._pending) >= _MOST:
                self.settle()

    def settle(self) -> None:
        """Find out which pending refusals concern their parent alone.

        Raises:
            RefusedError: The first of them: Dixa sends nothing else either.
        """
        if not self._pending:
            return
        for parent in self._others if self.sent is None else (self.sent,):
            if parent not in self._pending and self._request_again(parent) is None:
                self.sent = parent
                self._skip_pending()
                return
        raise next(iter(self._pending.values()))

    def _skip_pending(self) -> None:
        self._skipped |= self._pending
        self._pending.clear()
