"""The AWS CLI as a second client, with the developer guide's example as it is written there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AWS = Path(sys.executable).parent / "aws"


@pytest.fixture
def aws(service, tmp_path):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "LOCALKEY",
        "AWS_SECRET_ACCESS_KEY": "synthetic",
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


def test_documented_update_endpoint_command(aws, tmp_path, documented_endpoint):
    (tmp_path / "endpoint-request-file.json").write_text(json.dumps(documented_endpoint))
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
    assert stored["Attributes"] == documented_endpoint["Attributes"]
    assert stored["Metrics"] == documented_endpoint["Metrics"]
    assert stored["Demographic"] == documented_endpoint["Demographic"]


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
