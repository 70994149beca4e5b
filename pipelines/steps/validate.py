"""Validate: refuse the rows that the service would refuse, naming every fault of a row at once."""

from dataclasses import dataclass

import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaErrors

from pipelines.steps.regions import read_regions
from pipelines.steps.result import FOUND_SCHEMA, StepResult, drop_refused, find_issues, join_issues
from schemas import issues, limits
from schemas.columns import NAMED_PREFIXES, attribute_name
from schemas.damage import name_damage
from schemas.endpoint import (
    NULL_ISSUES,
    VIEWS,
    endpoint_model,
    find_odd_text,
    view_columns,
    view_short_codes,
)
from schemas.phones import PhoneCheck


@dataclass(frozen=True, slots=True)
class ValidateParams:
    """How strictly rows are judged, and what the whole run has decided."""

    phone_check: PhoneCheck = PhoneCheck.VALID
    """How phone numbers are judged."""
    excess_columns: tuple[str, ...] = ()
    """Open-ended columns beyond the run's limit of names; see `map_columns.excess_columns`."""
    default_country: str | None = None
    """ISO 3166-1 alpha-2 code that phone numbers in national form were read with."""


def validate(frame: pl.DataFrame, params: ValidateParams) -> StepResult:
    """Check a normalized frame against the endpoint model; rows with an error do not go on."""
    checked = frame.with_columns(*view_columns(frame.columns), *view_short_codes(frame))
    model = endpoint_model(params.phone_check, find_odd_text(frame))
    found = [_check_model(checked, model, params.default_country), *_check_names(frame)]
    found += [
        _rows_using(frame, column, issues.TOO_MANY_NAMES)
        for column in params.excess_columns
        if column in frame.columns
    ]
    joined = join_issues(found)
    return StepResult(drop_refused(frame, joined), joined)


def _check_model(
    frame: pl.DataFrame, model: pa.DataFrameSchema, default_country: str | None
) -> pl.DataFrame:
    try:
        # Not what the environment says: PANDERA_VALIDATION_ENABLED=False would let anything pass.
        with config_context(
            validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA
        ):
            model.validate(frame, lazy=True)
    except SchemaErrors as errors:
        return _read_failures(frame, errors.failure_cases, default_country)
    return FOUND_SCHEMA.to_frame()


def _read_failures(
    frame: pl.DataFrame, failures: pl.DataFrame, default_country: str | None
) -> pl.DataFrame:
    """Turn pandera's failure cases into issues, named after the accident where one shows.

    `index` is the position in this frame; a failure without one is about the frame's shape and
    means that a step before this one is at fault, not a row.
    """
    shape_faults = failures.filter(pl.col("index").is_null())
    if not shape_faults.is_empty():
        faults = shape_faults.select("column", "check", "failure_case").rows()
        raise TypeError(f"the frame does not have the endpoint model's shape: {faults}")
    null_codes = {column: kind.code for column, kind in NULL_ISSUES.items()}
    found = failures.select(
        frame["row_key"].cast(pl.Int64).gather(failures["index"]).alias("row_key"),
        pl.col("column").replace(VIEWS),
        pl.when(pl.col("check") == "not_nullable")
        .then(pl.col("column").replace_strict(null_codes, default=None))
        .otherwise(pl.col("check"))
        .alias("code"),
        pl.col("failure_case").alias("value"),
        read_regions(frame, default_country).gather(failures["index"]).alias("region"),
    )
    return name_damage(found)


def _check_names(frame: pl.DataFrame) -> list[pl.DataFrame]:
    longest = limits.ATTRIBUTE_NAME_CHARACTERS.value
    return [
        _rows_using(frame, column, issues.NAME_TOO_LONG)
        for column in frame.columns
        if column.startswith(NAMED_PREFIXES) and len(attribute_name(column) or "") > longest
    ]


def _rows_using(frame: pl.DataFrame, column: str, kind: issues.IssueKind) -> pl.DataFrame:
    used = frame.filter(pl.col(column).is_not_null())
    return find_issues(used, column, kind, pl.lit(attribute_name(column)))
