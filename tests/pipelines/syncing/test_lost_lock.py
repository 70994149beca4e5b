"""A run whose lock on S3 was taken over sends no more: who has it sends what is newer by now."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fakes import HttpSink, Received, Reply
from s3_support import BUCKET, s3_server
from sync_support import Nights, person

from pipelines import stopping
from pipelines.errors import StorageError
from pipelines.state.base import StateKey
from pipelines.state.folders import name_folder
from pipelines.storage import s3_lock
from pipelines.storage.file_lock import Owner
from pipelines.storage.places import S3Folder
from pipelines.storage.s3_store import S3Store

LONG_S = 30.0
STATES = S3Folder(BUCKET, "states")


class Thief(HttpSink):
    """Takes the lock over at the first request, and answers when that was noticed."""

    def _judge(self, request: Received, request_id: str) -> Reply:
        if len(self.requests) == 1:
            folder = STATES / name_folder(StateKey(f"pinpoint at {self.url}", "local"))
            S3Store(folder).write(s3_lock.NAME, Owner.new("other").to_bytes())
            last_s = time.monotonic() + LONG_S
            while time.monotonic() < last_s and "lock-renewal" in running_threads():
                time.sleep(0.01)
        return super()._judge(request, request_id)


def running_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


@pytest.mark.usefixtures("prefect_api")
def test_who_lost_the_lock_sends_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_lock, "RENEW_EVERY_S", 0.05)
    given: dict[str, Any] = {"state_dir": STATES, "max_in_flight": 1}
    with s3_server(tmp_path), Thief() as service:
        nights = Nights(tmp_path, service)
        with pytest.raises(StorageError, match=r"Another process has taken .* over"):
            nights.night([person(number) for number in range(1_000)], **given)
    assert len(service.requests) == 1
    stopping._requested.clear()  # which the next run in this process does, but not a test of a part
