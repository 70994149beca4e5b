"""The columns of the list of runs: what is left out where there is no room, and what never is."""

from pipelines.terminal.run_list import Column, fit_columns

COLUMNS = [
    Column("run", ["20261122T020000Z-4f1c"], 0),
    Column("started", ["2026-11-22 02:00"], 5),
    Column("source", ["exports/2026/november/audience.csv"], 8),
    Column("status", ["completed_with_errors"], 0),
    Column("rows", ["1,000"], 1, is_number=True),
]


def names(width):
    return [column.name for column in fit_columns(COLUMNS, width)]


def test_all_columns_where_there_is_room():
    assert fit_columns(COLUMNS, 120) == COLUMNS


def test_the_beginning_of_a_source_goes_first():
    (source,) = [c for c in fit_columns(COLUMNS, 90) if c.name == "source"]
    assert source.cells == ["...ber/audience.csv"]
    assert sum(column.width + 2 for column in fit_columns(COLUMNS, 90)) - 2 == 90


def test_then_whole_columns_in_the_order_of_their_ranks():
    assert names(80) == ["run", "started", "status", "rows"]
    assert names(60) == ["run", "status", "rows"]


def test_a_run_id_is_never_cut():
    assert [c.cells for c in fit_columns(COLUMNS, 20)] == [
        ["20261122T020000Z-4f1c"],
        ["completed_with_errors"],
    ]
