"""Do the next piece of work while the last one is being used, and never more than one ahead."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def one_ahead(
    work: Callable[[_Task], _Result], tasks: Sequence[_Task]
) -> Iterator[tuple[_Task, _Result]]:
    """Yield each task with its result, in order.

    Args:
        work: Called for one task at a time, in a thread. What it raises is raised here.
        tasks: What is to be done.
    """
    ahead = [_begin(work, task) for task in tasks[:1]]
    for place, task in enumerate(tasks, start=1):
        result = ahead.pop().result()
        ahead += [_begin(work, following) for following in tasks[place : place + 1]]
        yield task, result


def _begin(work: Callable[[_Task], _Result], task: _Task) -> Future[_Result]:
    future: Future[_Result] = Future()

    def run() -> None:
        try:
            future.set_result(work(task))
        except BaseException as error:  # noqa: BLE001 (raised again where it is waited for)
            future.set_exception(error)

    # A daemon: an executor would keep an interrupted process until its work is done.
    Thread(target=run, name=str(task), daemon=True).start()
    return future
