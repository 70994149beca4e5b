"""An S3 on loopback, in a process of its own: moto's server."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from processes import answers, free_port, running, wait_until

from pipelines.s3_client import s3_client

START_S = 120
BUCKET = "bucket"


@contextmanager
def s3_server(folder: Path) -> Iterator[dict[str, str]]:
    """Start a server with an empty bucket for a `with` block; give the variables to use it by."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    log = folder / "s3.log"
    variables = {
        "AWS_ENDPOINT_URL_S3": url,
        "AWS_ACCESS_KEY_ID": "synthetic",
        "AWS_SECRET_ACCESS_KEY": "synthetic",
    }
    with (
        running(command, dict(os.environ), folder, log) as server,
        pytest.MonkeyPatch.context() as m,
    ):
        wait_until(lambda: server.poll() is not None or answers(f"{url}/moto-api/"), START_S, log)
        assert server.poll() is None, log.read_text()
        for name, value in variables.items():
            m.setenv(name, value)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=BUCKET)
        s3_client.cache_clear()
        yield variables
    s3_client.cache_clear()
