"""A failed run is told as a person needs it: what, then what to do, then where."""

from commands.failures import failures

RUN = "20261122T161500123Z-abc"
URL = "https://127.0.0.1:4433/ccm/rpt/repository/workitem?size=500&fields=workItem[modified>2024 and x](id)"
MAP = "States.ExceedToleratedFailureThreshold: the failed items exceed the threshold"


def problem(window: str, told: str, partition: str = "") -> str:
    return f"ewm.work_items{partition} window {window} of run {RUN}: {told}"


def report(*problems: str) -> dict[str, object]:
    return {"source": "ewm", "problems": list(problems), "message": f"ewm: {' | '.join(problems)}"}


def test_the_reason_stands_first_and_the_maps_word_is_dropped() -> None:
    told = f"page 3, {URL}: HTTP 404 Not Found: nothing. Check base_url and the stream's request.path"
    (failure,) = failures(report(problem("a_b", told), MAP))
    assert failure.reason == "ewm.work_items: HTTP 404 Not Found: nothing"
    assert failure.details == (
        "Check base_url and the stream's request.path",
        f"page 3, {URL}",
        f"window a_b, run {RUN}",
    )


def test_what_windows_have_in_common_is_told_once() -> None:
    (failure,) = failures(
        report(
            *(
                problem(f"{number}_x", f"{URL}?{number}: {number} rows were rejected. Mend it")
                for number in range(12)
            )
        )
    )
    assert failure.details[-1] == f"window 0_x, run {RUN} (and 11 more windows)"


def test_a_problem_without_a_window_is_told_as_it_is() -> None:
    (failure,) = failures(report(MAP))
    assert failure.reason == f"ewm: {MAP}"
    (failure,) = failures({"source": "ewm", "message": "The run of ewm ended as ABORTED", "streams": []})
    assert failure.reason == "ewm: The run of ewm ended as ABORTED"


def test_a_partition_stays_with_its_window() -> None:
    (failure,) = failures(report(problem("a_b", "rows were rejected", partition=" partition x=1")))
    assert failure.details == (f"window a_b partition x=1, run {RUN}",)
