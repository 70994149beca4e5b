"""What tests of the Pinpoint destination share."""

from pipelines.destinations.pinpoint import PinpointDestination

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "synthetic/secret+key="
ITEM = b'{"Id":"1","Address":"a@example.com","ChannelType":"EMAIL"}'


def connect(url, **options):
    options = {"credentials": (KEY, SECRET), "region": "us-east-1", **options}
    return PinpointDestination("app-1", endpoint_url=url, **options)
