from collections.abc import Iterator
from uuid import uuid4

import boto3
import pytest
from s3_support import BUCKET, s3_server


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with s3_server(tmp_path_factory.mktemp("s3")) as variables:
        yield variables


class Bucket:
    """A place of its own in the bucket."""

    def __init__(self) -> None:
        self.client = boto3.client("s3", region_name="us-east-1")
        self.prefix = f"t-{uuid4().hex}"
        self.url = f"s3://{BUCKET}/{self.prefix}"

    def put(self, name: str, content: bytes = b"Id\n1\n") -> str:
        self.client.put_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}", Body=content)
        return f"{self.url}/{name}"

    def delete(self, name: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=f"{self.prefix}/{name}")


@pytest.fixture
def bucket(s3: dict[str, str]) -> Bucket:
    return Bucket()
