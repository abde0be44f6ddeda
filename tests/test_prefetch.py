"""The next result is prepared while the last one is used, and nothing is left behind."""

from threading import Event

import pytest

from tap_dixa.prefetch import CancelledError, prefetch, raise_if_cancelled

LONG = 60  # seconds: only a hang takes so long


class Result:
    def __init__(self, task):
        self.task = task
        self.closed = Event()

    def close(self):
        self.closed.set()


@pytest.mark.parametrize("ahead", [1, 3, 10])
def test_results_come_in_order_each_with_its_task(ahead):
    found = [(task, result.task) for task, result in prefetch(Result, range(7), ahead=ahead)]
    assert found == [(task, task) for task in range(7)]


def test_only_so_many_are_ahead():
    started = [Event() for _ in range(6)]

    def work(task):
        started[task].set()
        return Result(task)

    results = prefetch(work, range(6), ahead=2)
    next(results)
    assert started[1].wait(LONG)
    assert started[2].wait(LONG)
    assert not started[3].is_set()  # it starts when the second result is asked for
    next(results)
    assert started[3].wait(LONG)
    assert not started[4].is_set()
    results.close()


def test_the_first_task_runs_alone():
    started = []

    def work(task):
        started.append(task)
        raise ValueError(task)

    with pytest.raises(ValueError, match="0"):
        next(prefetch(work, range(5), ahead=4))
    assert started == [0]


def test_a_consumer_that_stops_early_cancels_and_closes_what_is_under_way():
    waiting, go_on, cancelled = Event(), Event(), Event()
    late = Result("late")

    def work(task):
        if task == 1:  # is cancelled while it waits
            waiting.set()
            go_on.wait(LONG)
            try:
                raise_if_cancelled()
            except CancelledError:
                cancelled.set()
                raise
        if task == 2:  # has passed its last check when it is cancelled
            go_on.wait(LONG)
            return late
        return Result(task)

    results = prefetch(work, range(9), ahead=2)
    next(results)
    assert waiting.wait(LONG)
    results.close()
    go_on.set()
    assert cancelled.wait(LONG)
    assert late.closed.wait(LONG)
