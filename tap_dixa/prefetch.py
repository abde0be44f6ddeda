"""Work ahead in threads, take the results in order, and cancel what is no longer needed."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, wait
from contextvars import ContextVar
from itertools import islice
from threading import Event, Thread
from typing import Protocol, TypeVar


class _Closeable(Protocol):
    def close(self) -> None: ...


_Task = TypeVar("_Task")
_Result = TypeVar("_Result", bound=_Closeable)

_WAIT = 0.2
"""How long to wait for a result at a time, in seconds."""
_cancelled: ContextVar[Event | None] = ContextVar("cancelled", default=None)
"""What cancels the work of the current thread."""


class CancelledError(Exception):
    """The work of this thread is no longer needed."""


def raise_if_cancelled() -> None:
    """End the work of the current thread with `CancelledError`, if it is cancelled."""
    event = _cancelled.get()
    if event is not None and event.is_set():
        raise CancelledError


def prefetch(
    work: Callable[[_Task], _Result], tasks: Iterable[_Task], *, ahead: int
) -> Generator[tuple[_Task, _Result], None, None]:
    """Work on each task in a thread, and yield it with its result, in order.

    The first task is worked on alone: what it raises, such as a refused request, would happen
    to all. If the consumer stops early, work that is under way is cancelled, and its result is
    closed.

    Args:
        work: Called with a task, in a thread. What it raises is raised where its result would be.
        tasks: What is to be done. Each is asked for when its work can start.
        ahead: How many tasks may be under way or done beyond the one that was yielded last.
    """
    cancelled = Event()
    started: deque[tuple[_Task, Future[_Result]]] = deque()
    rest = iter(tasks)

    def start(count: int) -> None:
        for task in islice(rest, count):
            started.append((task, _start(work, task, cancelled)))

    try:
        start(1)
        while started:
            task, future = started[0]
            # A signal that comes just before a wait is seen only after it: no wait is a long one.
            while not wait([future], _WAIT).done:
                pass
            started.popleft()
            result = future.result()
            start(ahead - len(started))
            yield task, result
            if not started:
                start(1)
    finally:
        cancelled.set()
        for _, future in started:
            future.add_done_callback(_close)


def _start(work: Callable[[_Task], _Result], task: _Task, cancelled: Event) -> Future[_Result]:
    future: Future[_Result] = Future()

    def run() -> None:
        _cancelled.set(cancelled)
        try:
            future.set_result(work(task))
        except BaseException as error:  # noqa: BLE001 (raised again where the result is used)
            future.set_exception(error)

    # A daemon: an executor would keep an interrupted process until its work is done.
    Thread(target=run, name=str(task), daemon=True).start()
    return future


def _close(future: Future[_Result]) -> None:
    if future.exception() is None:
        future.result().close()
