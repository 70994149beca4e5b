"""The client of S3: one for the process, and what to do about its errors.

Credentials, region and endpoint (AWS_ENDPOINT_URL_S3) are found as by any tool of AWS.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

GONE = frozenset({"NoSuchKey", "404", "NotFound"})
"""Codes that say that there is no such object."""
REMEDIES = {
    "InvalidAccessKeyId": "Correct AWS's credentials.",
    "SignatureDoesNotMatch": "Correct AWS's credentials.",
    "ExpiredToken": "Renew AWS's credentials.",
    "NoCredentialsError": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
    "EndpointConnectionError": "Check the network, and AWS_ENDPOINT_URL_S3 if it is set.",
}
"""What to do, by code, whatever was to be done there."""


@cache
def s3_client() -> "S3Client":
    """Give this process's client: thread-safe, and slow to make."""
    retries: Any = {"mode": "standard", "max_attempts": 5}
    return boto3.client(
        "s3",
        config=Config(
            connect_timeout=10, read_timeout=60, retries=retries, max_pool_connections=32
        ),
    )


def error_code(error: BaseException) -> str:
    """Give the code of an answer of the service, or the name of any other error."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__
