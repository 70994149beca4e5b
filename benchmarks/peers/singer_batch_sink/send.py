"""A Singer target on Meltano's SDK with a BatchSink of 100 records.

In use a tap writes the messages, in a process of its own beside the target's. Here they are written
beforehand and not counted, which favours the target: `messages` makes them of the export.
"""

import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

from singer_sdk import BatchSink, Target

from benchmarks.peers.plain_boto3.send import connect, nest, send


class PinpointSink(BatchSink):
    """Sends 100 endpoints at once."""

    max_size = 100

    def setup(self) -> None:
        """Make a client."""
        self.client = connect(self.config["url"])

    def process_batch(self, context: dict[str, Any]) -> None:
        """Send a batch."""
        send(self.client, [nest(record) for record in context["records"]])


class PinpointTarget(Target):
    """Reads messages of one stream."""

    name = "target-pinpoint"
    default_sink_class = PinpointSink
    config_jsonschema = {"properties": {"url": {"type": "string"}}}  # noqa: RUF012 (the SDK's way)


def write_messages(export: Path, messages: Path) -> None:
    """Write what a tap would."""
    with export.open(newline="", encoding="utf-8") as rows, messages.open("w") as out:
        reader = csv.DictReader(rows)
        text = {"type": ["string", "null"]}
        properties = dict.fromkeys(reader.fieldnames or [], text)
        schema = {"type": "object", "properties": properties}
        head = {"type": "SCHEMA", "stream": "endpoints", "schema": schema, "key_properties": ["Id"]}
        out.write(json.dumps(head) + "\n")
        for row in reader:
            out.write(json.dumps({"type": "RECORD", "stream": "endpoints", "record": row}) + "\n")


def main(messages: Path, url: str) -> None:
    """Send the records of a file of messages."""
    target = PinpointTarget(config={"url": url})
    with messages.open(encoding="utf-8") as file:
        target.listen(file)


if __name__ == "__main__":
    if sys.argv[1] == "messages":
        write_messages(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        began = time.perf_counter()
        main(Path(sys.argv[1]), sys.argv[2])
        print(time.perf_counter() - began)
