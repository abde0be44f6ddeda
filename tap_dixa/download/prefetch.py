"""Work ahead in threads, and take the results in order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, wait
from threading import Event, Thread
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from tap_dixa.cancellation import cancel_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class _Closeable(Protocol):
    def close(self) -> None: ...


_Task = TypeVar("_Task")
_Result = TypeVar("_Result", bound=_Closeable)

_WAIT = 0.2
"""How long to wait for a result at a time, in seconds."""


class _Started(NamedTuple, Generic[_Task, _Result]):
    """A task that is worked on in a thread."""

    task: _Task
    future: Future[_Result]


class Prefetch(Generic[_Task, _Result]):
    """A queue of tasks, each worked on in a thread, whose results are taken in order.

    The first task is worked on alone: what it raises, such as a refused request, would happen
    to all.

    Args:
        work: Called with a task, in a thread. What it raises is raised by `take`.
        tasks: What is to be done. Each is asked for when its work can start.
        ahead: How many tasks may be under way or done beyond the one that was taken last.
    """

    def __init__(
        self, work: Callable[[_Task], _Result], tasks: Iterable[_Task], *, ahead: int = 1
    ) -> None:
        self._work = work
        self._ahead = ahead
        self._most_started = 1
        self._cancelled = Event()
        # In order: tasks that have been started, and iterators of those that have not.
        self._queue: deque[_Started[_Task, _Result] | Iterator[_Task]] = deque([iter(tasks)])

    def take(self) -> tuple[_Task, _Result] | None:
        """Wait for the next task, and return it with its result; None if there are no more."""
        self.start()
        if not self._queue:
            return None
        first = self._queue[0]
        assert isinstance(first, _Started)  # noqa: S101 (what was taken has left room for it)
        # A signal that comes just before a wait is seen only after it: no wait is a long one.
        while not wait([first.future], _WAIT).done:
            pass
        self._queue.popleft()
        self._most_started = self._ahead
        return first.task, first.future.result()

    def put_first(self, tasks: Iterable[_Task]) -> None:
        """Add tasks that come before all others. To be called before `start`."""
        self._queue.appendleft(iter(tasks))

    def start(self) -> None:
        """Start as many tasks as may be under way."""
        room = self._most_started - sum(isinstance(entry, _Started) for entry in self._queue)
        ready: list[_Started[_Task, _Result]] = []
        try:
            while room > 0 and self._queue:
                if isinstance(entry := self._queue[0], _Started):
                    ready.append(entry)
                    self._queue.popleft()
                    continue
                try:
                    task = next(entry)
                except StopIteration:
                    self._queue.popleft()
                    continue
                ready.append(self._start(task))
                room -= 1
        finally:
            self._queue.extendleft(reversed(ready))

    def _start(self, task: _Task) -> _Started[_Task, _Result]:
        future: Future[_Result] = Future()

        def run() -> None:
            cancel_on(self._cancelled)
            try:
                future.set_result(self._work(task))
            except BaseException as error:  # noqa: BLE001 (raised again where the result is used)
                future.set_exception(error)

        # A daemon: an executor would keep an interrupted process until its work is done.
        Thread(target=run, name=str(task), daemon=True).start()
        return _Started(task, future)

    def close(self) -> None:
        """Cancel what is under way, and close its results."""
        self._cancelled.set()
        for entry in self._queue:
            if isinstance(entry, _Started):
                entry.future.add_done_callback(_close)


def prefetch(
    work: Callable[[_Task], _Result], tasks: Iterable[_Task], *, ahead: int = 1
) -> Iterator[tuple[_Task, _Result]]:
    """Yield each task with its result, in order: see `Prefetch`.

    If the consumer stops early, work that is under way is cancelled, and its result is closed.
    """
    queue = Prefetch(work, tasks, ahead=ahead)
    try:
        while (taken := queue.take()) is not None:
            queue.start()
            yield taken
    finally:
        queue.close()


def _close(future: Future[_Closeable]) -> None:
    if future.exception() is None:
        future.result().close()
