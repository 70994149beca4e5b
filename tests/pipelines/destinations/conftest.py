import os

import pytest
from fakes import HttpSink
from pinpoint_support import connect


@pytest.fixture
def environment(monkeypatch):
    """Neither credentials nor settings from where the tests run, and no metadata service."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def sink():
    with HttpSink() as running:
        yield running


@pytest.fixture
def destination(sink):
    opened = connect(sink.url)
    yield opened
    opened.close()
