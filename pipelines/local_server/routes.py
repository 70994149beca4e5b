"""The operations by raw path and method.

Paths are matched before percent-decoding and each segment is decoded once: an endpoint id may
hold `/`, spaces, `%` and any letter, which clients percent-encode.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote

from pipelines.local_server import rules
from pipelines.local_server.attribute_names import ATTRIBUTE_TYPES
from pipelines.local_server.errors import BadRequestError, MethodNotAllowedError, NotFoundError
from pipelines.local_server.records import JsonObject
from pipelines.local_server.store import Store


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as an operation sees it."""

    store: Store
    arguments: tuple[str, ...]
    """The decoded variable segments of the path, in order."""
    body: bytes
    request_id: str


class Reply(NamedTuple):
    """Status and JSON body of a success; without a body, an empty one."""

    status: int
    body: JsonObject | None = None


Operation = Callable[[Call], Reply]


def create_app(call: Call) -> Reply:
    """CreateApp."""
    body = rules.parse_object(call.body)
    name, tags = body.get("Name"), body.get("tags") or {}
    if not isinstance(name, str) or not name:
        raise BadRequestError("Missing Name")
    if not isinstance(tags, dict) or not all(isinstance(tag, str) for tag in tags.values()):
        raise BadRequestError("Invalid tags: tags must be an object of strings")
    return Reply(201, call.store.create_application(name, tags).response())


def get_apps(call: Call) -> Reply:
    """GetApps, all in one page."""
    return Reply(200, {"Item": [each.response() for each in call.store.applications()]})


def get_app(call: Call) -> Reply:
    """GetApp."""
    return Reply(200, call.store.application(call.arguments[0]).response())


def delete_app(call: Call) -> Reply:
    """DeleteApp."""
    return Reply(200, call.store.delete_application(call.arguments[0]).response())


def update_endpoints_batch(call: Call) -> Reply:
    """UpdateEndpointsBatch: all items or none."""
    application = call.store.application(call.arguments[0])
    call.store.put_endpoints(application, rules.parse_batch(call.body), call.request_id)
    return _accepted(call)


def update_endpoint(call: Call) -> Reply:
    """UpdateEndpoint."""
    application_id, endpoint_id = call.arguments
    application = call.store.application(application_id)
    change = rules.parse_endpoint(_required_id(endpoint_id), rules.parse_object(call.body))
    call.store.put_endpoints(application, [change], call.request_id)
    return _accepted(call)


def get_endpoint(call: Call) -> Reply:
    """GetEndpoint."""
    application = call.store.application(call.arguments[0])
    return Reply(200, call.store.endpoint(application, _required_id(call.arguments[1])))


def delete_endpoint(call: Call) -> Reply:
    """DeleteEndpoint."""
    application = call.store.application(call.arguments[0])
    return Reply(202, call.store.delete_endpoint(application, _required_id(call.arguments[1])))


def get_user_endpoints(call: Call) -> Reply:
    """GetUserEndpoints."""
    application = call.store.application(call.arguments[0])
    return Reply(200, {"Item": call.store.user_endpoints(application, call.arguments[1])})


def delete_user_endpoints(call: Call) -> Reply:
    """DeleteUserEndpoints."""
    application = call.store.application(call.arguments[0])
    return Reply(202, {"Item": call.store.delete_user_endpoints(application, call.arguments[1])})


def remove_attributes(call: Call) -> Reply:
    """RemoveAttributes: answers with the names that were sent."""
    application = call.store.application(call.arguments[0])
    attribute_type = call.arguments[1]
    if attribute_type not in ATTRIBUTE_TYPES:
        raise BadRequestError(f"Invalid attribute type: use one of {', '.join(ATTRIBUTE_TYPES)}")
    names = rules.parse_object(call.body).get("Blacklist") or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadRequestError("Invalid Blacklist: Blacklist must be a list of strings")
    call.store.remove_attributes(application, ATTRIBUTE_TYPES[attribute_type], names)
    return Reply(
        200,
        {"ApplicationId": application.id, "AttributeType": attribute_type, "Attributes": names},
    )


def describe_options(_call: Call) -> Reply:
    """OPTIONS of the Endpoint resource: 200 without a body (apiref)."""
    return Reply(200)


def find_operation(method: str, raw_path: str) -> tuple[Operation, tuple[str, ...]]:
    """Find what a request asks for, with the decoded variable segments of its path.

    Raises:
        NotFoundError: No operation has this path.
        MethodNotAllowedError: None with this method.
        BadRequestError: The path is not percent-encoded UTF-8.
    """
    for pattern, operations in _ROUTES:
        match = pattern.fullmatch(raw_path)
        if match is None:
            continue
        if method not in operations:
            raise MethodNotAllowedError(f"Method not allowed: {', '.join(operations)} are")
        try:
            arguments = tuple(unquote(segment, errors="strict") for segment in match.groups())
        except UnicodeDecodeError as error:
            raise BadRequestError("The path must be percent-encoded UTF-8") from error
        return operations[method], arguments
    raise NotFoundError("No such resource")


def _required_id(endpoint_id: str) -> str:
    # Clients send an empty id as a path that ends in a slash.
    if not endpoint_id:
        raise BadRequestError("Missing EndpointId")
    return endpoint_id


def _accepted(call: Call) -> Reply:
    return Reply(202, {"Message": "Accepted", "RequestID": call.request_id})


def _route(path: str, **operations: Operation) -> tuple[re.Pattern[str], Mapping[str, Operation]]:
    # `*` stands for one variable segment, which may be empty.
    return re.compile(path.replace("*", "([^/]*)")), operations


# The first ones are the ones that an import uses.
_ROUTES = (
    _route("/v1/apps/*/endpoints", PUT=update_endpoints_batch),
    _route(
        "/v1/apps/*/endpoints/*",
        GET=get_endpoint,
        PUT=update_endpoint,
        DELETE=delete_endpoint,
        OPTIONS=describe_options,
    ),
    _route("/v1/apps/*/users/*", GET=get_user_endpoints, DELETE=delete_user_endpoints),
    _route("/v1/apps/*/attributes/*", PUT=remove_attributes),
    _route("/v1/apps", GET=get_apps, POST=create_app),
    _route("/v1/apps/*", GET=get_app, DELETE=delete_app),
)
