"""The script one writes today: csv.DictReader and boto3, no validation, no accounting."""

import csv
import sys

import boto3


def nest(row: dict[str, str]) -> dict[str, object]:
    """Make an endpoint of a row."""
    item: dict[str, object] = {}
    for name, value in row.items():
        if not value:
            continue
        head, _, rest = name.partition(".")
        if not rest:
            item[name] = value
        elif head == "Attributes":
            item.setdefault(head, {})[rest] = [value]  # type: ignore[index]
        elif head == "Metrics" or rest in ("Latitude", "Longitude"):
            item.setdefault(head, {})[rest] = float(value)  # type: ignore[index]
        elif rest.startswith("UserAttributes."):
            user = item.setdefault("User", {})
            user.setdefault("UserAttributes", {})[rest[15:]] = [value]  # type: ignore[attr-defined]
        else:
            item.setdefault(head, {})[rest] = value  # type: ignore[index]
    return item


def main(path: str, url: str) -> None:
    """Send a file."""
    client = boto3.client(
        "pinpoint",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    batch: list[dict[str, object]] = []
    with open(path, newline="", encoding="utf-8") as file:  # noqa: PTH123 (as such scripts are)
        for row in csv.DictReader(file):
            batch.append(nest(row))
            if len(batch) == 100:
                client.update_endpoints_batch(
                    ApplicationId="bench", EndpointBatchRequest={"Item": batch}
                )
                batch = []
    if batch:
        client.update_endpoints_batch(ApplicationId="bench", EndpointBatchRequest={"Item": batch})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
