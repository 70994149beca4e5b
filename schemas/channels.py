"""Channel types of the service, and the families that rules speak of."""

from enum import StrEnum


class ChannelType(StrEnum):
    """ChannelType values of the botocore service model (pinpoint, 2016-12-01)."""

    PUSH = "PUSH"
    GCM = "GCM"
    APNS = "APNS"
    APNS_SANDBOX = "APNS_SANDBOX"
    APNS_VOIP = "APNS_VOIP"
    APNS_VOIP_SANDBOX = "APNS_VOIP_SANDBOX"
    ADM = "ADM"
    SMS = "SMS"
    VOICE = "VOICE"
    EMAIL = "EMAIL"
    BAIDU = "BAIDU"
    CUSTOM = "CUSTOM"
    IN_APP = "IN_APP"


PHONE_CHANNELS = frozenset({ChannelType.SMS, ChannelType.VOICE})
"""Channels whose address is a phone number."""

APNS_CHANNELS = frozenset(
    {
        ChannelType.APNS,
        ChannelType.APNS_SANDBOX,
        ChannelType.APNS_VOIP,
        ChannelType.APNS_VOIP_SANDBOX,
    }
)
"""Channels whose address is an APNs device token."""

EVICTING_CHANNELS = frozenset(
    {
        ChannelType.ADM,
        ChannelType.GCM,
        ChannelType.APNS,
        ChannelType.APNS_VOIP,
        ChannelType.APNS_VOIP_SANDBOX,
        ChannelType.BAIDU,
    }
)
"""Channels for which a user's endpoint over the limit displaces the oldest one.

For every other channel the service refuses it. Source: developer guide,
audience-define-auto-inactive. APNS_SANDBOX is on neither list there and is reported not to be
evicted (aws-amplify/amplify-flutter issue 3560).
"""
