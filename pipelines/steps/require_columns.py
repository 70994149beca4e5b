"""Required columns: whether a source's header can make endpoints at all."""

from pipelines.errors import SourceError
from pipelines.steps.map_columns import plan_columns
from pipelines.steps.source_columns import show_names
from schemas.mapping import Mapping
from schemas.masking import looks_personal

_NO_HEADER = (
    " Its first line seems to be data: if it is, give --no-header, and a mapping that names the "
    "columns (`header`)."
)


def require_columns(
    header: list[str],
    source: str,
    *,
    has_channel: bool,
    mapping: Mapping | None = None,
    preset: str | None = None,
) -> None:
    """Refuse a header that cannot make endpoints.

    Args:
        header: Column names as they stand in the file.
        source: The file, as the error is to call it.
        has_channel: Whether rows have a channel even without a column for it.
        mapping: What its columns mean.
        preset: The preset that this is, if it is one: nobody can change that.

    Raises:
        SourceError: A needed column is missing, or a column of one value is repeated.
    """
    plan = plan_columns(header, mapping)
    other = next((mark for mark in ";\t|" if mark in "".join(header)), None)
    if len(header) == 1 and other is not None:
        raise SourceError(
            f"{source} has no column Address: all its columns are one. They seem to be "
            f"separated by {other!r}: say so with --delimiter, or leave that to be found out."
        )
    hint = _NO_HEADER if any(looks_personal(name) for name in header) else ""
    if plan.missing:
        asks_consent = any(plan.missing[0] in columns for columns in plan.missing_consent)
        way_out = "" if asks_consent else ", or make its rule `optional: true`"
        remedy = f"Change the name in the mapping{way_out}."
        if preset is not None:
            remedy = (
                "Make a mapping of the file: "
                f"`endpoint-import map FILE --preset {preset} -o mapping.yaml`."
            )
        raise SourceError(
            f"{source} has no column {plan.missing[0]!r}, which the mapping asks for. "
            f"{plan.source.say_near(plan.missing[0])} {remedy}{hint}"
        )
    found = show_names(header, end=".")
    if not plan.targets and hint:
        raise SourceError(
            f"{source} seems to have no header: its first line looks like data "
            f"({show_names(header)}). "
            "Add a line with the names of the columns, or give --no-header and a mapping that has "
            "them."
        )
    if mapping is not None and not plan.has("Address"):
        raise SourceError(
            f"{source} has no column Address, and the mapping has no rule for it that fits; its "
            f"columns are: {found} Add one, such as `Address: E-mail`, to each endpoint.{hint}"
        )
    if not plan.has("Address"):
        raise SourceError(
            f"{source} has no column Address; its columns are: {found} "
            "Rename the column that holds phone numbers, e-mail addresses or tokens to Address: "
            f"one row is one address. Or say with --mapping what its columns mean: "
            f"`endpoint-import map FILE` suggests a mapping.{hint}"
        )
    if mapping is not None and not plan.has("ChannelType") and not has_channel:
        raise SourceError(
            f"{source} has no column ChannelType, and the mapping has no rule for it. Add one, "
            "such as `ChannelType: {constant: EMAIL}`, to each endpoint, or give --default-channel."
        )
    if not plan.has("ChannelType") and not has_channel:
        raise SourceError(
            f"{source} has no column ChannelType; its columns are: {found} "
            f"Add it, or say with --default-channel what all rows are, such as SMS.{hint}"
        )
    if plan.repeated:
        raise SourceError(
            f"{source} has the column {plan.repeated[0]} more than once, but it holds one "
            "value. Only Attributes.* and User.UserAttributes.* may be repeated."
        )
