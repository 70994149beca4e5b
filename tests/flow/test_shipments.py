"""Many small files: their rows go into full requests, and a run that stops keeps its books."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from fakes import Reply
from import_support import (
    HEADER,
    FailingSink,
    people,
    read_json,
    read_outcomes,
    require_balance,
    resume,
    run_import,
    write_rows,
)

from pipelines.errors import DestinationError

pytestmark = pytest.mark.usefixtures("prefect_api")

FILES = 40
ROWS = 5


def test_small_files_are_two_requests_and_nothing_is_sent_twice(tmp_path: Path) -> None:
    for n in range(FILES):
        write_rows(tmp_path / f"{n:02d}.csv", HEADER, people(ROWS, first=n * ROWS))
    run = tmp_path / "runs" / "one"
    denied = Reply.failure(403, "AccessDeniedException", "You may not.")
    with FailingSink(denied, after=1) as sink:
        with pytest.raises(DestinationError, match="You may not"):
            run_import(tmp_path, sink.url, tmp_path / "*.csv", run_id="one", max_in_flight=1)
        stopped = read_json(run / "summary.json")
        require_balance(stopped)
        assert (stopped["accepted"], stopped["unprocessed"]) == (100, 100)
        (shipment,) = read_json(run / "resolved/shipments.json")
        assert shipment["partitions"] == list(range(FILES))
        accepted = read_outcomes(run).filter(pl.col("outcome") == "accepted")["endpoint_id"]
        assert set(accepted) == {item["Id"] for item in sink.accepted}
        sink.failure = None
        summary = resume(tmp_path)
    require_balance(summary)
    assert [len(request.items) for request in sink.requests] == [100, 100, 100]  # one was denied
    assert Counter(item["Id"] for item in sink.accepted) == Counter(
        f"id-{n}" for n in range(FILES * ROWS)
    )
    assert summary["accepted"] == FILES * ROWS
