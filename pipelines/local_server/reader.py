"""Reads the typed members of one endpoint in a request body."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.local_server.errors import BadRequestError
from pipelines.local_server.records import JsonObject
from schemas.limits import ATTRIBUTE_NAME_CHARACTERS, ATTRIBUTE_VALUE_CHARACTERS, ATTRIBUTE_VALUES

COORDINATES = frozenset({"Latitude", "Longitude"})
PLACE_NAMES = frozenset({"City", "Country", "PostalCode", "Region"})
DEMOGRAPHICS = frozenset(
    {
        "AppVersion",
        "Locale",
        "Make",
        "Model",
        "ModelVersion",
        "Platform",
        "PlatformVersion",
        "Timezone",
    }
)


@dataclass(slots=True)
class ItemReader:
    """Reads typed members of one item; a wrong type is a BadRequestError that names them."""

    endpoint_id: str

    def fault(self, field: str, fault: str) -> BadRequestError:
        """Build the answer that names item and field."""
        return BadRequestError(f"Invalid {field}: item '{self.endpoint_id}': {field} {fault}")

    def text(self, source: JsonObject, name: str, prefix: str = "") -> str | None:
        """Read a string; None if it is absent or null. `prefix` is for the message."""
        value = source.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self.fault(prefix + name, "must be a string")

    def one_of(self, source: JsonObject, name: str, allowed: frozenset[str]) -> str | None:
        """Read one of the allowed words; None if it is absent or null."""
        value = source.get(name)
        if value is None:
            return None
        if isinstance(value, str) and value in allowed:
            return value
        raise self.fault(name, f"must be one of {', '.join(sorted(allowed))}")

    def section(self, source: JsonObject, name: str, prefix: str = "") -> JsonObject:
        """Read an object; empty if it is absent or null."""
        value = source.get(name)
        if value is None:
            return {}
        if isinstance(value, dict):
            return value
        raise self.fault(prefix + name, "must be a JSON object")

    def location(self, source: JsonObject) -> dict[str, object]:
        """Read the members of a Location, coordinates rounded as the service keeps them."""
        entries: dict[str, object] = {}
        for name, value in source.items():
            if value is None:
                continue
            if name in COORDINATES:
                # The service keeps one decimal (apiref, EndpointLocation).
                entries[name] = round(self._number(value, f"Location.{name}"), 1)
            elif name in PLACE_NAMES:
                entries[name] = self._string(value, "Location", name)
        return entries

    def demographic(self, source: JsonObject) -> dict[str, object]:
        """Read the members of a Demographic."""
        return {
            name: self._string(value, "Demographic", name)
            for name, value in source.items()
            if value is not None and name in DEMOGRAPHICS
        }

    def numbers(self, source: JsonObject, section: str) -> dict[str, object]:
        """Read a map of finite numbers: Metrics."""
        return {
            name: self._number(value, f"{section}.{name}")
            for name, value in self._named(source, section)
        }

    def lists(self, source: JsonObject, section: str) -> dict[str, object]:
        """Read a map of lists of strings: Attributes, UserAttributes."""
        entries: dict[str, object] = {}
        for name, value in self._named(source, section):
            if not isinstance(value, list):
                raise self.fault(f"{section}.{name}", "must be a list of strings")
            if len(value) > ATTRIBUTE_VALUES.value:
                raise self.fault(f"{section}.{name}", f"holds over {ATTRIBUTE_VALUES.value} values")
            for each in value:
                text = self._string(each, section, name, "must be a list of strings")
                if len(text) > ATTRIBUTE_VALUE_CHARACTERS.value:
                    raise self.fault(
                        f"{section}.{name}",
                        f"has a value of over {ATTRIBUTE_VALUE_CHARACTERS.value} characters",
                    )
            entries[name] = value
        return entries

    def _named(self, source: JsonObject, section: str) -> Iterator[tuple[str, object]]:
        """Give the entries of a map whose names the sender chooses, without nulls."""
        for name, value in source.items():
            if len(name) > ATTRIBUTE_NAME_CHARACTERS.value:
                raise self.fault(
                    f"{section}.{name}",
                    f"has a name of over {ATTRIBUTE_NAME_CHARACTERS.value} characters",
                )
            if value is not None:
                yield name, value

    def _string(
        self, value: object, section: str, name: str, expected: str = "must be a string"
    ) -> str:
        if isinstance(value, str):
            return value
        raise self.fault(f"{section}.{name}", expected)

    def _number(self, value: object, field: str) -> float:
        # bool is an int in Python, but not a number in JSON.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fault(field, "must be a number")
        if not math.isfinite(value):
            raise self.fault(field, "must be a finite number")
        return value
