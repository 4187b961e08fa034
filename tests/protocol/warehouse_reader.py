"""A world's reader that plans and loads as deployed: ledger, landing zone and tables are real."""

from datetime import datetime

from xmlift.windows import Interval

from .pipeline import Pipeline, event_of, hours, row
from .worlds import Reading


class WarehouseReader:
    """Reads one stream of a pipeline."""

    def __init__(self, pipeline: Pipeline, stream: str) -> None:
        self._pipeline, self._stream = pipeline, stream
        self._runs: dict[int, str] = {}
        self._set_windows = 0
        self._with_runs: tuple[str, ...] = ()

    def plan(self, run: int, started: datetime, round_number: int) -> tuple[list[Interval], bool]:
        pipeline = self._pipeline
        event = event_of(run, started, round_number, pipeline.name, pipeline.key)
        self._runs[run] = event.run
        answer = pipeline.plan(event)
        for item in answer.streams:
            if item.windows_of != event.run and item.stream == self._stream:
                pipeline.load(item.stream, item.windows_of, by=event.run)
        together = [item.with_runs for item in answer.streams if item.stream == self._stream]
        self._with_runs = together[0] if together else ()
        items = [item for item in pipeline.work_list(answer) if item.stream == self._stream]
        self._set_windows = items[0].set_windows if items else 0
        return [Interval(item.start, item.end) for item in items], answer.more

    def land(self, run: int, reading: Reading) -> None:
        rows = [row(v.key, v.cursor, str(v.number), notes=v.number % 3) for v in reading.rows]
        window = (hours(reading.window.start), hours(reading.window.end))
        self._pipeline.land(
            self._stream,
            self._runs[run],
            window,
            rows,
            read_at=reading.read_at,
            as_of=reading.as_of,
            set_windows=self._set_windows,
        )

    def load(self, run: int) -> None:
        self._pipeline.load(self._stream, self._runs[run], with_runs=self._with_runs)

    def table(self) -> set[tuple[int, datetime, int]]:
        current = " WHERE is_current" if self._stream == "prices" else ""
        table = f'"{self._pipeline.name}"."{self._stream}"'
        found = self._pipeline.stand_in.run(f"SELECT id, modified, title FROM {table}{current}")
        assert len(set(found)) == len(found)
        return {(key, modified, int(title)) for key, modified, title in found}
