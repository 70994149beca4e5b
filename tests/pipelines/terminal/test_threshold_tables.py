"""Thresholds as options and as tables of the settings file, and which of them win."""

import re
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from click.testing import CliRunner, Result

from pipelines.cli import cli
from pipelines.settings import ImportSettings
from pipelines.source_thresholds import choose_limits
from pipelines.steps.thresholds import Action
from pipelines.terminal.given_settings import make_settings
from pipelines.terminal.options import option, with_options
from pipelines.terminal.settings_file import read_settings_file
from pipelines.terminal.threshold_options import THRESHOLD_OPTIONS

TABLES = """
max-row-change = "40%"

[thresholds."exports/crm-*.csv"]
max-invalid = 100
on_row_change = "stop"

[thresholds."exports/crm-big.csv"]
max-row-change = "500%"
"""


@click.group()
@click.option("--config", type=Path, is_eager=True, callback=read_settings_file)
def group(config: Path) -> None:
    """As the command line of this project, and quicker."""


@group.command()
@with_options(THRESHOLD_OPTIONS, (option("--feed", default="main"),))
def say(**given: Any) -> None:
    """Say which settings come of it."""
    settings = make_settings(("a.csv",), given)
    click.echo(settings.model_dump_json())


def invoke(file: Path, text: str, *arguments: str, **variables: str) -> Result:
    file.write_text(text)
    return CliRunner().invoke(group, ["--config", str(file), "say", *arguments], env=variables)


def settings_of(result: Result) -> ImportSettings:
    assert result.exit_code == 0, result.output
    return ImportSettings.model_validate(orjson.loads(result.stdout))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def test_a_source_has_the_thresholds_of_its_table_and_else_the_general_ones(file: Path):
    settings = settings_of(invoke(file, TABLES))
    limits = choose_limits(settings, "exports/crm-2026.csv")
    assert (limits.max_invalid, limits.on_row_change) == ("100", Action.STOP)
    assert (limits.max_row_change, limits.on_lost_channel) == ("40%", Action.WARN)
    assert limits.say("max_invalid") == 'max_invalid in thresholds."exports/crm-*.csv"'
    assert limits.say("max_row_change") == "--max-row-change"
    other = choose_limits(settings, "exports/shop.csv")
    assert (other.max_invalid, other.on_row_change, other.table) == (None, Action.WARN, None)


def test_a_table_of_the_very_name_comes_before_a_pattern(file: Path):
    limits = choose_limits(settings_of(invoke(file, TABLES)), "exports/crm-big.csv")
    assert (limits.max_row_change, limits.on_row_change) == ("500%", Action.WARN)


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (("--on-row-change", "off"), {}),
        ((), {"ENDPOINT_IMPORT_ON_ROW_CHANGE": "off"}),
    ],
    ids=["command line", "environment"],
)
def test_what_comes_before_the_settings_file_comes_before_its_tables(file, arguments, variables):
    settings = settings_of(invoke(file, TABLES, *arguments, **variables))
    limits = choose_limits(settings, "exports/crm-2026.csv")
    assert (limits.on_row_change, limits.max_invalid) == (Action.OFF, "100")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[thresholds."a.csv"]\nmax-row = "5%"',
            r'"a\.csv" has an unknown name: max-row\. .*max-row-change.* Known are max-invalid,',
        ),
        (
            '[thresholds."a.csv"]\non_row_chnge = "stop"',
            r"name: on_row_chnge\. Did you mean on_row_change\? Known are max_invalid,",
        ),
        (
            '[thresholds."a.csv"]\non-row-chnge = "stop"',
            r"name: on-row-chnge\. Did you mean on-row-change\? Known are max-invalid,",
        ),
        ('[thresholds."a.csv"]\nmax-row-change = "much"', r'"a\.csv"\.max-row-change: \'much\' is'),
        ('[thresholds."a.csv"]\nmax-invalid = "120%"', r'"a\.csv"\.max-invalid: \'120%\' is'),
        ('[thresholds."a.csv"]\non-row-change = "halt"', r"on-row-change: .*'stop', 'warn' or"),
        ('[thresholds]\nmax-invalid = "5%"', r"one for each SOURCE, such as \[thresholds\."),
        ("thresholds = 5", r"one for each SOURCE"),
    ],
)
def test_unknown_names_and_values_are_refused(file: Path, text: str, told: str):
    file.write_text(text)
    result = CliRunner().invoke(cli, ["--config", str(file), "check", "a.csv"])
    assert result.exit_code == 2
    line = " ".join(result.output.split())
    assert f"The settings file {file}: thresholds" in line
    assert re.search(told, line), line


def test_options_and_settings_have_the_same_defaults(file: Path):
    assert settings_of(invoke(file, "")) == ImportSettings(sources=["a.csv"])


@pytest.mark.parametrize("name", ["max_invalid", "warn_invalid", "max_row_change"])
def test_a_limit_that_is_none_is_refused(name: str):
    with pytest.raises(ValueError, match="neither a share such as"):
        ImportSettings(sources=["a.csv"], **{name: "a few"})


def test_the_example_of_the_documentation_is_taken(file: Path):
    docs = Path(__file__).parents[3] / "docs/thresholds.md"
    (example,) = re.findall("```toml\n(.*?)```", docs.read_text(encoding="utf-8"), re.DOTALL)
    file.write_text(example, encoding="utf-8")
    context = cli.make_context("endpoint-import", ["--config", str(file), "check"])
    assert context.default_map is not None
    assert context.default_map["run"]["on_lost_channel"] == "stop"
    tables = context.meta["thresholds"]
    assert list(tables) == ["exports/crm-*.csv", "exports/shop.csv", "exports/changes.ndjson"]
    assert tables["exports/shop.csv"].max_invalid == "20%"
