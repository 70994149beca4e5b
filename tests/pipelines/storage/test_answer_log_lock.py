"""The answer log's lock: two workers that were given one shipment write one after the other."""

import threading

import pytest

from pipelines.errors import StorageError
from pipelines.storage import answer_log
from pipelines.storage.answer_log import AnswerLog

STAMP = {"items": 3}


def test_a_log_has_one_writer(tmp_path, monkeypatch):
    monkeypatch.setattr(answer_log, "LOCK_S", 0.0)
    log = AnswerLog.open(tmp_path / "x.log", STAMP)
    with pytest.raises(StorageError, match="being written by another process"):
        AnswerLog.open(tmp_path / "x.log", STAMP)
    log.close(complete=False)
    AnswerLog.open(tmp_path / "x.log", STAMP).close(complete=True)


def test_a_second_writer_waits_for_the_end_of_the_first(tmp_path):
    log = AnswerLog.open(tmp_path / "x.log", STAMP)
    log.append({"start": 0})
    ending = threading.Timer(0.1, lambda: log.close(complete=False))
    ending.start()
    second = AnswerLog.open(tmp_path / "x.log", STAMP)
    assert second.records == [{"start": 0}]
    second.close(complete=False)
    ending.join()
