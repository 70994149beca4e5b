"""Who may come in when the server knows credentials."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pipelines.errors import ConfigurationError
from pipelines.local_server.errors import ForbiddenError
from pipelines.local_server.process import LocalServer, ServerOptions
from pipelines.local_server.signature import (
    CLOCK_SKEW,
    SignatureCheck,
    SignedRequest,
    read_credentials,
)

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "synthetic%secret/with+odd=characters"

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, connect, open_service):
    folder = tmp_path_factory.mktemp("guarded")
    credentials = folder / "credentials"
    credentials.write_text(
        "[default]\naws_access_key_id = OTHER\naws_secret_access_key = other\n\n"
        f"[import]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
    )
    options = ServerOptions(
        port=0, db=folder / "db", applications=("app",), credentials=credentials
    )
    with LocalServer(options) as running:
        yield open_service(connect(running.url, KEY_ID, SECRET), running.url, "app")


def test_the_right_signature_is_accepted(guarded, email):
    endpoint_id = "e/1 +é%"
    guarded.put(endpoint_id, **email)
    guarded.batch({"Id": endpoint_id, "Attributes": {"plan": ["é"]}})
    assert guarded.get(endpoint_id)["Attributes"] == {"plan": ["é"]}
    # A query string and another region are signed too.
    assert guarded.client.get_apps(PageSize="5", Token="a b/c")["ApplicationsResponse"]["Item"]


def test_every_profile_of_the_file_counts(guarded, connect):
    other = connect(guarded.url, "OTHER", "other")
    assert other.get_app(ApplicationId="app")["ApplicationResponse"]["Id"] == "app"


@pytest.mark.parametrize(
    ("key_id", "secret", "message"),
    [
        pytest.param(KEY_ID, "wrong", "The signature does not match", id="wrong_secret"),
        pytest.param("AKIAUNKNOWN", SECRET, "The access key id is not known", id="unknown_key"),
    ],
)
def test_a_wrong_signature_is_403(guarded, connect, key_id, secret, message):
    client = connect(guarded.url, key_id, secret)
    refusal = guarded.refusal(client.get_app, ApplicationId="app")
    assert (refusal.status, refusal.code) == (403, "ForbiddenException")
    assert refusal.message.startswith(message)
    assert refusal.request_id


@pytest.mark.parametrize("path", ["/v1/apps/app", "/v1/apps", "/nowhere"])
def test_no_signature_is_403_whatever_the_path(guarded, path):
    status, headers, body = guarded.send("GET", path)
    assert (status, headers["x-amzn-ErrorType"]) == (403, "ForbiddenException")
    assert body["Message"].startswith("Missing or malformed Authorization")


def test_a_signature_of_2018_is_403(guarded):
    status, _, body = guarded.send(
        "GET",
        "/v1/apps/app",
        **{
            "X-Amz-Date": "20180428T004705Z",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20180428/us-east-1/"
            "mobiletargeting/aws4_request, SignedHeaders=host;x-amz-date, "
            f"Signature={'c2' * 32}",
        },
    )
    assert status == 403
    assert body["Message"].startswith("The signature has expired")


def test_options_needs_no_signature(guarded):
    assert guarded.send("OPTIONS", "/v1/apps/app/endpoints/e1")[0] == 200


def signed_request(at=NOW, service="mobiletargeting", body=b"{}", **headers):
    request = AWSRequest("PUT", "http://localhost/v1/apps/app/endpoints", headers, body)
    request.context["timestamp"] = at.strftime(SIGV4_TIMESTAMP)
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    auth = SigV4Auth(Credentials(KEY_ID, SECRET), service, "eu-west-1")
    to_sign = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(to_sign, request))
    sent = {name.lower(): value for name, value in request.headers.items()}
    return SignedRequest("PUT", "/v1/apps/app/endpoints", sent | {"host": "localhost"}, body)


@pytest.mark.parametrize("skew", [CLOCK_SKEW, -CLOCK_SKEW], ids=["late", "early"])
def test_the_date_window_is_15_minutes_either_way(skew):
    check = SignatureCheck({KEY_ID: SECRET}, lambda: NOW)
    check.verify(signed_request(NOW + skew))
    with pytest.raises(ForbiddenError, match="expired"):
        check.verify(
            signed_request(NOW + skew + timedelta(seconds=1 if skew > timedelta() else -1))
        )


def test_the_scope_has_to_be_for_the_service():
    with pytest.raises(ForbiddenError, match="mobiletargeting"):
        SignatureCheck({KEY_ID: SECRET}, lambda: NOW).verify(signed_request(service="s3"))


def test_a_changed_body_is_refused():
    check = SignatureCheck({KEY_ID: SECRET}, lambda: NOW)
    for headers in ({}, {"X-Amz-Content-SHA256": "0" * 64}):
        good = signed_request(**headers)
        changed = SignedRequest(good.method, good.target, good.headers, b'{"a":1}')
        with pytest.raises(ForbiddenError):
            check.verify(changed)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("aws_secret_access_key = hush\n", id="no_section"),
        pytest.param("[default]\naws_access_key_id = KEY\n", id="no_secret"),
        pytest.param("[default]\naws_secret_access_key = hush\n", id="no_key"),
    ],
)
def test_an_unusable_credentials_file_is_named_but_not_quoted(tmp_path, content):
    path = tmp_path / "credentials"
    path.write_text(content)
    with pytest.raises(ConfigurationError) as caught:
        read_credentials(path)
    assert str(path) in str(caught.value)
    assert "hush" not in str(caught.value)
