"""Hosts: which addresses are AWS's own, and so have its published quotas."""

from urllib.parse import urlsplit

AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn")


def is_aws(url: str) -> bool:
    """Say whether a URL leads to AWS itself.

    >>> is_aws("https://pinpoint.eu-west-1.amazonaws.com")
    True
    >>> is_aws("http://127.0.0.1:8765")
    False
    """
    return (urlsplit(url).hostname or "").endswith(AWS_DOMAINS)
