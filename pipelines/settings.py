"""Settings of a run: what the command line, the settings file and Prefect's parameters fill in."""

import codecs
import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

import polars as pl
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from pipelines.defaults import LOCAL_APPLICATION, PARTITION_ROWS
from pipelines.settings_form import arrange_form
from pipelines.source_thresholds import SourceThresholds
from pipelines.sources.base import ReadingOptions
from pipelines.steps.guards import parse_threshold
from pipelines.steps.thresholds import Action, parse_change
from pipelines.storage.places import Place, parse_place
from schemas import undecoded
from schemas.channels import ChannelType
from schemas.codes import country_codes, normalize_countries
from schemas.phones import PhoneCheck
from schemas.sync import RetirePolicy, SyncMode

RunsDir = Annotated[
    Place,
    PlainValidator(parse_place),
    PlainSerializer(str),
    WithJsonSchema({"type": "string"}),
]
"""A place as a setting."""
SIGNS: dict[str, dict[str, str]] = {
    "delimiter": {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "pipe": "|"},
    "quote": {"double": '"', "single": "'", "none": "none"},
    "escape": {"backslash": "\\", "none": "none"},
}
"""Names of the signs of CSV files, for those that are hard to type or to see."""

FEED_NAME = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What a feed may be called: it is shown, and kept in the state."""
STATE_FOLDER = ".state"
"""Where states are kept in the folder of the runs, if nowhere else."""
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(s|m|min|h|d)", re.IGNORECASE)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """Read a time such as 90m, 24h or 7d; give seconds.

    Raises:
        ValueError: It is none.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or float(match[1]) == 0:
        raise ValueError(f"{text!r} is no time such as 90m, 24h or 7d")
    return float(match[1]) * _SECONDS[match[2].lower()]


def _join(field: str) -> str:
    return ", ".join(name for name in SIGNS[field] if name.isalpha())


class ImportSettings(BaseModel):
    """Everything that can be chosen for a run. Holds no credentials: AWS's own chain finds them."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, json_schema_extra=arrange_form
    )

    sources: Annotated[list[str], Field(min_length=1)]
    """Files, globs such as exports/*.csv, folders, and places of S3 such as s3://bucket/exports/;
    - is standard input."""
    application_id: str | None = None
    """Pinpoint application (project) that the endpoints go into."""
    endpoint_url: str | None = None
    """Where the service is; AWS's rules and AWS_ENDPOINT_URL_PINPOINT decide if empty."""
    region: str | None = None
    """AWS region; AWS's own rules decide if empty."""
    profile: str | None = None
    """Profile of the AWS configuration files."""
    local: bool = False
    """The service is the embedded server, which takes any credentials."""
    db: Path = Path("local-server.sqlite3")
    """Database file of the embedded server that the command line's --local starts."""
    embedded: bool = False
    """The command line has started the server at endpoint_url; resuming starts it again."""
    default_country: str | None = None
    """ISO 3166-1 alpha-2 code for phone numbers in national form whose row names no country."""
    default_channel: ChannelType | None = None
    """Channel of rows that name none."""
    mapping: str | None = None
    """Mapping file (YAML), or preset such as hubspot: what columns of other names mean."""
    delimiter: str | None = None
    """Character between the fields of CSV; found out if empty."""
    encoding: str | None = None
    """Encoding of CSV and JSON, such as utf-8 or cp1252; found out if empty."""
    quote: str | None = None
    """Character around fields of CSV, or none; found out if empty."""
    escape: str | None = None
    """Character before a quote or delimiter that is meant, or none; found out if empty."""
    no_header: bool = False
    """CSV files begin with data; the mapping names their columns."""
    sheet: str | None = None
    """Worksheet of Excel files; the first one if empty."""
    phone_check: PhoneCheck = PhoneCheck.VALID
    """How strictly phone numbers are judged."""
    runs_dir: RunsDir = Path("runs")
    """Folder, or place of S3 such as s3://bucket/runs, where run directories are kept."""
    run_id: str | None = None
    """Name of the run; made from the time if empty."""
    runner: Literal["threads", "dask"] = "threads"
    """What works on partitions: threads of this process, or the workers of a Dask cluster."""
    dask_address: Annotated[str | None, Field(validate_default=True)] = None
    """Scheduler of the Dask cluster, such as tcp://10.0.0.5:8786."""
    rate: Annotated[float | None, Field(gt=0)] = None
    """Requests per second; the destination's quota if empty."""
    max_in_flight: Annotated[int | None, Field(ge=1, le=64)] = None
    """Requests under way at once; the destination decides if empty."""
    max_invalid: str | None = None
    """Share (5%) or number of invalid rows above which nothing is sent."""
    warn_invalid: str | None = None
    """Share or number of invalid rows above which the run warns."""
    max_row_change: str = "30%"
    """How many rows more or fewer than the median of its last runs a source may have: a share, of
    which 10 rows are allowed in any case, or a number."""
    on_row_change: Action = Action.WARN
    """What happens if a source has more or fewer: stop sends nothing."""
    on_empty_column: Action = Action.WARN
    """What happens if a column that was full in the last runs is empty."""
    on_lost_channel: Action = Action.WARN
    """What happens if a channel that a source had in the last runs is gone from it."""
    thresholds: dict[str, SourceThresholds] = {}
    """The same of single sources: by SOURCE, or by a pattern such as exports/crm-*.csv."""
    limit: Annotated[int | None, Field(ge=1)] = None
    """Read only this many records."""
    sync_mode: SyncMode = SyncMode.UPSERT
    """Which rows are sent: all, or those whose content changed since the service accepted them."""
    state_dir: RunsDir | None = None
    """Where it is kept what services accepted; .state in runs_dir if empty."""
    no_state: bool = False
    """Neither read nor write it: for a service that is imported into once."""
    full_refresh: bool = False
    """Send unchanged rows too. Consent is still guarded by what the state says of it."""
    allow_opt_in: bool = False
    """Send rows that turn a stored OptOut ALL into NONE, or activate an INACTIVE endpoint."""
    max_opt_ins: str = "1%"
    """Share of the known endpoints, or number of them, above which nothing is sent if a mapped
    column of consent opts so many in again; a share lets 20 pass in any case."""
    feed: str = "main"
    """Name of what the sources are, where several imports keep one application up to date; mirror
    retires only what was in this one."""
    retire: RetirePolicy = RetirePolicy.OPTOUT
    """What mirror does with an endpoint that is gone from the source."""
    max_removals: str = "1%"
    """Share of the feed's endpoints, or number of them, above which mirror does nothing at all."""
    max_shrink: str = "20%"
    """How much smaller than last time the source may be, before mirror does nothing at all."""
    max_unidentified: str = "0"
    """Share or number of rows whose Id cannot be told, above which mirror does nothing at all."""
    every: str | None = None
    """Time between two runs, such as 24h; a plan that takes longer says so."""
    unfinished: Literal["supersede", "resume", "refuse"] = "supersede"
    """What becomes of a run into the same application that was not finished."""
    partition_rows: Annotated[int, Field(ge=100, le=1_000_000)] = PARTITION_ROWS
    """Records per partition and rows per shipment at the most; large records make smaller ones."""
    keep_staged: bool = False
    """Keep the working files after a clean finish."""
    show_addresses: bool = False
    """Show addresses, Ids and other personal values in report.html as they are, not masked."""

    @property
    def reading(self) -> ReadingOptions:
        """What is said of how the sources are written."""
        return ReadingOptions(
            delimiter=self.delimiter,
            encoding=self.encoding,
            quote="" if self.quote == "none" else self.quote,
            escape="" if self.escape == "none" else self.escape,
            has_header=not self.no_header,
            sheet=self.sheet,
        )

    @property
    def state_place(self) -> Place:
        """Where the states of all applications are kept."""
        return self.runs_dir / STATE_FOLDER if self.state_dir is None else self.state_dir

    @property
    def every_s(self) -> float | None:
        """Seconds between two runs, if that is told."""
        return None if self.every is None else parse_duration(self.every)

    @property
    def application(self) -> str | None:
        """The application that is meant: the embedded server has one by default."""
        return self.application_id or (LOCAL_APPLICATION if self.local else None)

    @field_validator("state_dir")
    @classmethod
    def _find_state_dir(cls, value: Place | None) -> Place | None:
        # As it is from everywhere: a run may be resumed from another folder.
        return value.absolute() if isinstance(value, Path) else value

    @field_validator("default_country")
    @classmethod
    def _check_country(cls, value: str | None) -> str | None:
        if value is None:
            return None
        code = str(normalize_countries(pl.Series([value.strip()]))[0])
        if code not in country_codes():
            raise ValueError(f"{value!r} is no country of ISO 3166-1, such as US")
        return code

    @field_validator("default_channel", mode="before")
    @classmethod
    def _fold_channel(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("endpoint_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("give a URL such as http://127.0.0.1:8765")
        if "@" in parts.netloc:
            raise ValueError("leave user and password out of it: settings are written to disk")
        return value

    @field_validator("dask_address")
    @classmethod
    def _check_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("runner") == "dask" and not value:
            raise ValueError("--runner dask needs the address of a scheduler (tcp://HOST:8786)")
        return value

    @field_validator("delimiter", "quote", "escape")
    @classmethod
    def _check_sign(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        field = str(info.field_name)
        sign = SIGNS[field].get(value.lower(), value)
        if sign == "none" and field != "delimiter":
            return sign
        if len(sign) != 1 or not sign.isascii() or sign in "\r\n\0":
            raise ValueError(f"{value!r} is no single ASCII character; names are {_join(field)}")
        others = {info.data.get(other) for other in ("delimiter", "quote") if other != field}
        if sign in others:
            raise ValueError(f"{value!r} cannot have two meanings")
        return sign

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            name = codecs.lookup(value.strip()).name
            probe = "a,b\n".encode(name) + bytes(range(256))  # codecs may not be for any text
            codecs.getincrementaldecoder(name)(undecoded.ERRORS).decode(probe)
        except (LookupError, ValueError, TypeError) as error:
            hint = "such as utf-8, cp1252 (Windows, Western), cp1250, shift_jis or utf-16"
            raise ValueError(
                f"{value!r} is no encoding that can be read; give one {hint}"
            ) from error
        return name

    @field_validator(
        *("max_invalid", "warn_invalid", "max_opt_ins"),
        *("max_removals", "max_shrink", "max_unidentified"),
    )
    @classmethod
    def _check_threshold(cls, value: str | None) -> str | None:
        if value is not None:
            parse_threshold(value)
        return value

    @field_validator("max_row_change")
    @classmethod
    def _check_change(cls, value: str) -> str:
        parse_change(value)
        return value

    @field_validator("feed")
    @classmethod
    def _check_feed(cls, value: str) -> str:
        if FEED_NAME.fullmatch(value) is None:
            raise ValueError(
                f"{value!r} is no name: take up to 64 letters, digits, dots, dashes and "
                "underscores, the first one a letter or digit"
            )
        return value

    @field_validator("every")
    @classmethod
    def _check_duration(cls, value: str | None) -> str | None:
        if value is not None:
            parse_duration(value)
        return value

    @model_validator(mode="after")
    def _check_sync(self) -> Self:
        if self.sync_mode is not SyncMode.UPSERT and self.no_state:
            raise ValueError(
                f"--sync-mode {self.sync_mode.value} needs the state; leave --no-state out"
            )
        if self.sync_mode is SyncMode.MIRROR and self.limit is not None:
            raise ValueError(
                "--sync-mode mirror takes what it does not read for gone; leave --limit out"
            )
        return self
