"""The AWS CLI as a second client, with the developer guide's example as it is written there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_server.conftest import KEY_ID, SECRET
from local_server.test_app import DOCUMENTED_ENDPOINT

AWS = Path(sys.executable).parent / "aws"


@pytest.fixture
def aws(service, tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_PINPOINT": service.url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(*arguments):
        done = subprocess.run(
            [str(AWS), "pinpoint", *arguments, "--application-id", service.app],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    return run


def test_documented_update_endpoint_command(service, aws, tmp_path):
    (tmp_path / "endpoint-request-file.json").write_text(json.dumps(DOCUMENTED_ENDPOINT))
    code, answer = aws(
        "update-endpoint",
        "--endpoint-id",
        "example-endpoint",
        "--endpoint-request",
        "file://endpoint-request-file.json",
    )
    assert (code, answer["MessageBody"]["Message"]) == (0, "Accepted")

    code, answer = aws("get-endpoint", "--endpoint-id", "example-endpoint")
    assert code == 0
    stored = answer["EndpointResponse"]
    assert stored["Attributes"] == DOCUMENTED_ENDPOINT["Attributes"]
    assert stored["Metrics"] == DOCUMENTED_ENDPOINT["Metrics"]
    assert stored["Demographic"] == DOCUMENTED_ENDPOINT["Demographic"]


def test_update_endpoints_batch_command(service, aws):
    items = [{"Id": f"e{n}", "ChannelType": "CUSTOM", "Address": f"a{n}"} for n in range(3)]
    code, answer = aws(
        "update-endpoints-batch", "--endpoint-batch-request", json.dumps({"Item": items})
    )
    assert (code, answer["MessageBody"]["Message"]) == (0, "Accepted")
    assert service.exists("e2")


def test_errors_reach_the_command_line(aws):
    code, message = aws("get-endpoint", "--endpoint-id", "none")
    assert code != 0
    assert "NotFoundException" in message
