"""Nights: imports in sync modes into a real local server, and what it has stored after them."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from fakes import HttpSink
from import_support import read_rows, run_import, write_rows

from pipelines.local_server.process import LocalServer

HEADER = ("Id", "ChannelType", "Address", "OptOut", "Location.City", "Attributes.plan")
MADE_UP = ("request_id", "effective_date", "creation_date", "cohort_id", "application")
"""Columns of the server's table that say when, not what."""

Row = tuple[str, ...]
MIRROR: dict[str, Any] = {"sync_mode": "mirror", "max_removals": "1", "max_shrink": "100%"}
"""One endpoint may be gone."""


def person(number: int, opt_out: str = "", city: str = "Lyon", plan: str = "gold") -> Row:
    return (f"id-{number}", "EMAIL", f"p{number}@example.com", opt_out, city, plan)


class Nights:
    """Imports into one application, one night after the other."""

    def __init__(self, folder: Path, server: LocalServer | HttpSink, **settings: Any) -> None:
        self.folder = folder
        self.server = server
        self.settings = {"sync_mode": "changed", **settings}
        self.number = 0

    def night(self, rows: Sequence[Row], header: Row = HEADER, **settings: Any) -> dict[str, Any]:
        """Import rows; give the summary."""
        self.number += 1
        source = write_rows(self.folder / f"night-{self.number}.csv", header, rows)
        given = {"run_id": f"night-{self.number}", **self.settings, **settings}
        return run_import(self.folder, self.server.url, source, **given)

    @property
    def run(self) -> Path:
        """Directory of the last run."""
        return self.folder / "runs" / f"night-{self.number}"

    def read(self, name: str) -> list[dict[str, str]]:
        """Read a CSV file of the last run."""
        header, *rows = read_rows(self.run / name)
        return [dict(zip(header, row, strict=True)) for row in rows]

    @property
    def service(self) -> Any:
        """A client of the service, as anybody else has one."""
        return boto3.client(
            "pinpoint",
            endpoint_url=self.server.url,
            region_name="us-east-1",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )

    def endpoint(self, number: int) -> dict[str, Any]:
        """Ask the service for an endpoint."""
        found = self.service.get_endpoint(ApplicationId="local", EndpointId=f"id-{number}")
        return found["EndpointResponse"]

    @property
    def stored(self) -> dict[str, dict[str, Any]]:
        """What the service has stored, by Id."""
        return read_stored(self.server.options.db)


def read_stored(database: Path) -> dict[str, dict[str, Any]]:
    with sqlite3.connect(database) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM endpoints")]
    return {
        row["id"]: {
            **{name: value for name, value in row.items() if name not in MADE_UP},
            "members": json.loads(row["members"]),
        }
        for row in rows
    }
