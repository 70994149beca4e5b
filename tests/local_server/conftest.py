import copy
import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pipelines.local_server.process import LocalServer, ServerOptions

# The developer guide's example endpoint.
DOCUMENTED_ENDPOINT = {
    "ChannelType": "APNS",
    "Address": "1a2b3c4d5e6f7g8h9i0j1k2l3m4n5o6p7q8r9s0t1u2v3w4x5y6z7a8b9c0d1e2f",
    "Attributes": {"Interests": ["Technology", "Music", "Travel"]},
    "Metrics": {
        "technology_interest_level": 9.0,
        "music_interest_level": 6.0,
        "travel_interest_level": 4.0,
    },
    "Demographic": {
        "AppVersion": "1.0",
        "Make": "apple",
        "Model": "iPhone",
        "ModelVersion": "8",
        "Platform": "ios",
        "PlatformVersion": "11.3.1",
        "Timezone": "America/Los_Angeles",
    },
    "Location": {
        "Country": "US",
        "City": "Seattle",
        "PostalCode": "98121",
        "Latitude": 47.61,
        "Longitude": -122.33,
    },
}


def connect_client(
    url: str, key_id: str = "LOCALKEY", secret: str = "synthetic", timeout_s: float = 60
) -> Any:
    """A boto3 client that neither retries nor looks for credentials or settings."""
    return boto3.client(
        "pinpoint",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(
            retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=timeout_s
        ),
    )


@dataclass(frozen=True)
class Refusal:
    """How the service refused a call."""

    status: int
    code: str
    message: str
    request_id: str | None


@dataclass(frozen=True)
class Service:
    """One application on the server, with short names for its operations."""

    client: Any
    url: str
    app: str

    def put(self, endpoint_id: str, **request: Any) -> dict[str, Any]:
        return self.client.update_endpoint(
            ApplicationId=self.app, EndpointId=endpoint_id, EndpointRequest=request
        )

    def batch(self, *items: Any) -> dict[str, Any]:
        return self.client.update_endpoints_batch(
            ApplicationId=self.app, EndpointBatchRequest={"Item": list(items)}
        )

    def get(self, endpoint_id: str) -> dict[str, Any]:
        answer = self.client.get_endpoint(ApplicationId=self.app, EndpointId=endpoint_id)
        return answer["EndpointResponse"]

    def user(self, user_id: str) -> list[dict[str, Any]]:
        answer = self.client.get_user_endpoints(ApplicationId=self.app, UserId=user_id)
        return answer["EndpointsResponse"]["Item"]

    def exists(self, endpoint_id: str) -> bool:
        try:
            self.get(endpoint_id)
        except self.client.exceptions.NotFoundException:
            return False
        return True

    def refusal(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Refusal:
        with pytest.raises(ClientError) as caught:
            call(*args, **kwargs)
        answer = caught.value.response
        return Refusal(
            answer["ResponseMetadata"]["HTTPStatusCode"],
            answer["Error"]["Code"],
            # botocore reads `Message` only in a body; the wire tests look at the body itself.
            answer["Error"].get("Message") or answer.get("Message", ""),
            answer["ResponseMetadata"].get("RequestId"),
        )

    def send(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, Any]:
        """Send raw HTTP; gives status, headers and the parsed body (None if empty)."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
            return response.status, response.headers, json.loads(content) if content else None
        finally:
            connection.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    db = tmp_path_factory.mktemp("server") / "endpoints.sqlite3"
    with LocalServer(ServerOptions(port=0, db=db)) as running:
        yield running


@pytest.fixture(scope="session")
def connect() -> Callable[..., Any]:
    return connect_client


@pytest.fixture(scope="session")
def client(server: LocalServer) -> Any:
    return connect_client(server.url)


@pytest.fixture
def service(server: LocalServer, client: Any) -> Service:
    created = client.create_app(CreateApplicationRequest={"Name": "test"})
    return Service(client, server.url, created["ApplicationResponse"]["Id"])


@pytest.fixture(scope="session")
def open_service() -> Callable[[Any, str, str], Service]:
    return Service


@pytest.fixture
def documented_endpoint() -> dict[str, Any]:
    return copy.deepcopy(DOCUMENTED_ENDPOINT)


@pytest.fixture
def email() -> dict[str, Any]:
    return {"ChannelType": "EMAIL", "Address": "person@example.com"}
