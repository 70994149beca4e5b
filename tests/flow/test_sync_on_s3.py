"""A nightly import whose runs and state are on S3: as on disk."""

from pathlib import Path

import boto3
import pytest
from import_support import require_balance
from s3_support import BUCKET, s3_server
from sync_support import Nights, person

from pipelines.errors import StateError
from pipelines.local_server.process import LocalServer
from pipelines.state.base import StateKey
from pipelines.state.store import locked_state
from pipelines.storage.places import S3Folder

pytestmark = pytest.mark.usefixtures("prefect_api")


def test_nights_on_s3_are_as_nights_on_disk(tmp_path: Path, local_server: LocalServer):
    with s3_server(tmp_path):
        nights = Nights(
            tmp_path,
            local_server,
            sync_mode="mirror",
            max_removals="1",
            partition_rows=100,
            runs_dir=f"s3://{BUCKET}/runs",
        )
        assert nights.night([person(number) for number in range(300)])["accepted"] == 300
        changed = [
            person(number, city="Paris" if number % 100 == 0 else "Lyon") for number in range(299)
        ]
        summary = nights.night(changed)
        require_balance(summary)
        assert (summary["accepted"], summary["unchanged"], summary["retired"]) == (3, 296, 1)
        assert summary["requests"] == 2
        assert nights.endpoint(299)["OptOut"] == "ALL"
        place = S3Folder(BUCKET, "runs/.state")
        key = StateKey(f"pinpoint at {local_server.url}", "local")
        with (
            locked_state(place, key, run_id="other"),
            pytest.raises(StateError, match=r"in use by .*other"),
        ):
            nights.night(changed)
        assert nights.night(changed)["requests"] == 0
        found = boto3.client("s3", region_name="us-east-1").list_objects_v2(
            Bucket=BUCKET, Prefix="runs/.state/"
        )
        names = {item["Key"].rpartition("/")[2] for item in found["Contents"]}
    assert {"pointer.json", "lock"} < names
    assert not (tmp_path / "runs").exists()
