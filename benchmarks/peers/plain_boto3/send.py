"""The script one writes today: csv.DictReader and boto3, no validation, no accounting."""

import csv
import sys
import time
from typing import Any

import boto3


def nest(row: dict[str, str]) -> dict[str, Any]:
    """Make an endpoint of a row."""
    item: dict[str, Any] = {}
    for name, value in row.items():
        if not value:
            continue
        head, _, rest = name.partition(".")
        if not rest:
            item[name] = value
        elif head == "Attributes":
            item.setdefault(head, {})[rest] = [value]
        elif head == "Metrics" or rest in ("Latitude", "Longitude"):
            item.setdefault(head, {})[rest] = float(value)
        elif rest.startswith("UserAttributes."):
            user = item.setdefault("User", {})
            user.setdefault("UserAttributes", {})[rest[15:]] = [value]
        else:
            item.setdefault(head, {})[rest] = value
    return item


def connect(url: str) -> Any:
    """Make a client as everybody does."""
    return boto3.client(
        "pinpoint",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


def send(client: Any, items: list[dict[str, Any]]) -> None:
    """Send up to 100 endpoints."""
    client.update_endpoints_batch(ApplicationId="bench", EndpointBatchRequest={"Item": items})


def main(path: str, url: str) -> None:
    """Send a file."""
    client = connect(url)
    batch: list[dict[str, Any]] = []
    with open(path, newline="", encoding="utf-8") as file:  # noqa: PTH123 (as such scripts are)
        for row in csv.DictReader(file):
            batch.append(nest(row))
            if len(batch) == 100:
                send(client, batch)
                batch = []
    if batch:
        send(client, batch)


if __name__ == "__main__":
    began = time.perf_counter()
    main(sys.argv[1], sys.argv[2])
    print(time.perf_counter() - began)
