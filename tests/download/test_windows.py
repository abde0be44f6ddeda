from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from tap_dixa.download.windows import LONGEST, LONGEST_REQUEST, MARGIN, cover, split
from tap_dixa.timestamps import DAY

START = 1_735_689_600_000
spans = st.integers(-5 * DAY, 400 * DAY)
lengths = st.integers(1, 31)


@given(spans, lengths)
@example(0, 31)
@example(1, 31)
@example(31 * DAY, 30)
@example(310 * DAY, 31)
def test_windows_cover_the_interval_without_gap_or_overlap(span, days):
    windows = split(START, START + span, days)
    edges = [window.start for window in windows] + [windows[-1].end] if windows else []
    assert edges == sorted(set(edges))
    assert [window.end for window in windows] == edges[1:]
    assert edges[:1] + edges[-1:] == ([START, START + span] if span > 0 else [])
    for window in windows:
        assert window.before - window.after <= LONGEST_REQUEST
        assert window.length <= days * DAY


@given(st.integers(1, 12), st.integers(0, DAY))
@example(10, 0)
def test_as_few_requests_as_the_limit_allows(months, less):
    span = months * (31 * DAY - 2 * MARGIN) - less
    assert len(split(START, START + span, 31)) == -(-span // (31 * DAY))


@given(spans.filter(lambda span: span > 0), lengths, st.booleans(), st.booleans(), st.data())
def test_each_time_is_requested_and_kept_once_whatever_the_bounds_include(
    span, days, after_inclusive, before_inclusive, data
):
    windows = split(START, START + span, days)
    edges = [edge for w in windows for edge in (w.start - 1, w.start, w.end - 1)]
    time = data.draw(st.sampled_from(edges) | st.integers(START, START + span - 1))

    def is_kept(window):
        returned = window.after - after_inclusive < time < window.before + before_inclusive
        return returned and window.start <= time < window.end

    assert sum(map(is_kept, windows)) == (START <= time < START + span)


intervals = st.tuples(st.integers(0, 200 * DAY), st.integers(1, 50 * DAY)).map(
    lambda s: (s[0], sum(s))
)


@given(st.lists(intervals), lengths)
@example([(0, DAY), (29 * DAY, 30 * DAY)], 30)
@example([(0, DAY), (30 * DAY, 31 * DAY)], 30)
def test_spans_are_covered_by_few_windows(spans, days):
    windows, longest = cover(spans, days), min(days * DAY, LONGEST)
    for start, end in spans:
        inside = sum(max(0, min(end, w.end) - max(start, w.start)) for w in windows)
        assert inside == end - start
    for earlier, later in pairwise(windows):
        assert earlier.end <= later.start
        # Two windows are never where one would do.
        assert later.end - earlier.start > longest
    assert all(0 < window.length <= longest for window in windows)
