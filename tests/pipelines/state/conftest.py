from collections.abc import Iterator
from uuid import uuid4

import pytest
from s3_support import BUCKET, s3_server

from pipelines.storage.places import S3Folder


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with s3_server(tmp_path_factory.mktemp("s3")) as variables:
        yield variables


@pytest.fixture
def bucket(s3: dict[str, str]) -> S3Folder:
    """An empty place in a bucket."""
    return S3Folder(BUCKET, f"state-{uuid4().hex}")
