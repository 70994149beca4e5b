"""Mapping parts: what the models of a mapping file share."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema


class RuleError(ValueError):
    """A rule that cannot work."""

    def __init__(self, message: str, *path: str | int) -> None:
        """Keep where it stands, from the value on that is being checked."""
        super().__init__(message)
        self.path = path


class MappingPart(BaseModel):
    """Refuses unknown names, and takes the alias or the name of a field."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, populate_by_name=True
    )


def as_list(given: Any) -> Any:
    """Take one text for a list of one."""
    return (given,) if isinstance(given, str) else given


SCALAR = {"type": ["string", "number", "boolean"]}
"""JSON Schema of a text, for editors: in a file it may look like a number or a yes."""
SCALARS = {"type": "array", "items": SCALAR}
Text = Annotated[str, WithJsonSchema(SCALAR)]
"""A text; in a file it may look like a number or a yes."""
Texts = Annotated[
    tuple[str, ...],
    Field(min_length=1),
    BeforeValidator(as_list),
    WithJsonSchema({"anyOf": [SCALAR, {**SCALARS, "minItems": 1}]}),
]
"""Texts; one of them may stand without a list around it."""
Bound = Annotated[float | str, WithJsonSchema(SCALAR)]
"""A number or a date that a value is compared with."""
