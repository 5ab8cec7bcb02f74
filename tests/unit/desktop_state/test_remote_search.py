from lanherd_desktop.state.log_times import LogTimes
from lanherd_desktop.state.remote_search import (
    MATCHES_SHOWN_MAX,
    FoundLine,
    RemoteSearch,
    SearchQuery,
    found_line,
)
from lanherd_protocol.log_messages import LogMatch


def match(number: int) -> LogMatch:
    return LogMatch(number * 10, number, b"a loss b", 2, 6)


def test_it_collects_what_comes() -> None:
    search = RemoteSearch(SearchQuery("loss"), 1000)
    assert search.share == 0.0 and search.step(1) is None
    fresh = search.take(250, (match(1), match(2)))
    assert (
        fresh
        == tuple(search.lines)
        == (
            FoundLine(10, 1, "a loss b", 2, 6),
            FoundLine(20, 2, "a loss b", 2, 6),
        )
    )
    assert search.share == 0.25
    assert search.take(100, ()) == () and search.share == 0.25
    search.take(5000, ())
    assert search.share == 1.0 and not search.over
    search.end()
    assert search.over and search.share == 1.0 and not search.capped


def test_a_log_of_no_known_size_is_searched_when_it_is_over() -> None:
    search = RemoteSearch(SearchQuery("loss"), 0)
    search.take(50, ())
    assert search.share == 0.0


def test_one_goes_through_the_lines_around_the_ends() -> None:
    search = RemoteSearch(SearchQuery("loss"), 1000)
    search.take(10, (match(1), match(2), match(3)))
    assert [search.step(1).number for _ in range(4)] == [1, 2, 3, 1]
    backwards = RemoteSearch(SearchQuery("loss"), 1000)
    backwards.take(10, (match(1), match(2)))
    assert [backwards.step(-1).number for _ in range(3)] == [2, 1, 2]


def test_no_more_are_listed_than_anyone_reads() -> None:
    search = RemoteSearch(SearchQuery("loss"), 1000)
    fresh = search.take(10, tuple(match(n) for n in range(MATCHES_SHOWN_MAX + 5)))
    assert len(fresh) == MATCHES_SHOWN_MAX and search.capped
    assert search.take(20, (match(1),)) == ()


def test_a_match_is_text_by_characters() -> None:
    line = LogMatch(5, 1, "保存 loss\xe9".encode() + b"\xff", 7, 11)
    assert found_line(line) == FoundLine(5, 1, "保存 loss\xe9\ufffd", 3, 7)


def test_the_time_of_a_line_is_when_the_log_had_grown_over_it() -> None:
    assert not LogTimes() and LogTimes().at(0) is None and LogTimes().known_to == 0
    times = LogTimes(((100, 5.0), (200, 6.0)))
    assert times and times.known_to == 200
    assert [times.at(offset) for offset in (0, 99, 100, 199, 200)] == [5.0, 5.0, 6.0, 6.0, None]
