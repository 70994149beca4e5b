"""A DuckDB database file with one table."""

from pathlib import Path

import duckdb

MEMORY = "1GB"
"""What it may take; by default it takes 80 % of the machine's."""


def _connect(folder: Path) -> duckdb.DuckDBPyConnection:
    folder.mkdir(exist_ok=True)
    settings = {"memory_limit": MEMORY, "threads": 2, "preserve_insertion_order": False}
    return duckdb.connect(folder / "state.duckdb", config=settings)


def create(folder: Path, night: Path, run_id: str) -> None:
    """Make the state of all rows of a night."""
    with _connect(folder) as database:
        database.execute(
            "CREATE TABLE records AS SELECT *, now() AS accepted_at, ? AS run_id"
            f" FROM read_parquet('{night}/*.parquet')",
            [run_id],
        )


def diff(folder: Path, night: Path, changed: Path) -> None:
    """Write the rows that are not in the state as they are."""
    with _connect(folder) as database:
        database.execute(
            f"COPY (SELECT row.* FROM read_parquet('{night}/*.parquet') AS row"
            " LEFT JOIN records USING (key_hash)"
            f" WHERE records.content IS DISTINCT FROM row.content) TO '{changed}' (FORMAT parquet)"
        )


def commit(folder: Path, changed: Path, run_id: str) -> None:
    """Put rows into the state."""
    with _connect(folder) as database:
        database.execute(
            f"MERGE INTO records USING (SELECT *, now() AS accepted_at, ? AS run_id"
            f" FROM read_parquet('{changed}')) AS row ON records.key_hash = row.key_hash"
            " WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT",
            [run_id],
        )


def count(folder: Path, run_id: str) -> int:
    """Count the records that a run wrote."""
    with _connect(folder) as database:
        found = database.execute("SELECT count(*) FROM records WHERE run_id = ?", [run_id])
        return int(found.fetchall()[0][0])
