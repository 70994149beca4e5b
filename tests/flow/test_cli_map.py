"""`endpoint-import map` as users meet it: the file, the table, the exit code, and no Prefect."""

import json

import pytest
import yaml
from cli_support import the_error, write_inputs
from preset_support import EXPORTS
from processes import CommandLine

from schemas.mapping import Mapping

CONTACTS = (
    "Kundennummer,E-Mail-Adresse,Handynummer,Abgemeldet,Bemerkung\n"
    "1,ana@example.com,+49 1512 3456789,nein,\n"
    "2,bo@example.com,,ja,\n"
)


@pytest.fixture
def cli(clean_environment: dict[str, str], tmp_path) -> CommandLine:
    write_inputs(tmp_path)
    (tmp_path / "kontakte.csv").write_text(CONTACTS, encoding="utf-8")
    return CommandLine(tmp_path, {**clean_environment, "PREFECT_HOME": str(tmp_path / "prefect")})


def test_mapping_on_stdout(cli):
    result = cli("map", "kontakte.csv")
    assert result.code == 0
    mapping = Mapping.model_validate(yaml.safe_load(result.stdout))
    assert [endpoint.name for endpoint in mapping.endpoints] == ["email", "mobile"]
    assert "#   Bemerkung: is empty in the sample" in result.stdout
    assert "Abgemeldet" in result.stderr
    assert "Next: endpoint-import plan kontakte.csv --mapping mapping.yaml" in result.stderr
    shown = result.stdout + result.stderr
    assert "ana@" not in shown
    assert "3456789" not in shown


def test_source_without_addresses_is_a_verdict_and_not_a_next_step(cli):
    (cli.cwd / "items.csv").write_text("Item,Price\nTea,3\nMilk,2\nTea,4\n")
    result = cli("map", "items.csv")
    assert result.code == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("No column of e-mail addresses or phone numbers was found.")
    assert "Next:" not in result.stderr
    assert "then try" not in result.stdout
    assert Mapping.model_validate(yaml.safe_load(result.stdout)).columns
    document = cli("map", "items.csv", "--json")
    assert (document.code, json.loads(document.stdout)["warnings"]) == (1, [last])


def test_warning_is_told_once_and_kept_in_the_file(cli):
    (cli.cwd / "people.csv").write_text("Email,First name\nana@example.com,Ana\n")
    warning = "No column numbers the people"
    shown = cli("map", "people.csv")
    assert (shown.stdout + shown.stderr).count(warning) == 1
    assert f"Warning: {warning}" in shown.stderr
    kept = cli("map", "people.csv", "-o", "people.yaml")
    assert kept.stderr.count(warning) == 1
    assert (cli.cwd / "people.yaml").read_text().count(warning) == 1


def test_next_command_has_the_same_options(cli):
    result = cli("map", "kontakte.csv", "-o", "my crm.yaml", "--default-country", "DE")
    assert result.code == 0
    expected = "plan kontakte.csv --mapping 'my crm.yaml' --default-country DE"
    assert f"Next: endpoint-import {expected}\n" in result.stderr


def test_prefect_is_not_started(cli):
    assert cli("map", "kontakte.csv").code == 0
    assert not (cli.cwd / "prefect").exists()


def test_file_is_written_once(cli):
    result = cli("map", "kontakte.csv", "-o", "crm.yaml")
    assert (result.code, result.stdout) == (0, "")
    assert "--mapping crm.yaml" in result.stderr
    text = (cli.cwd / "crm.yaml").read_text(encoding="utf-8")
    assert Mapping.model_validate(yaml.safe_load(text)).endpoints
    (cli.cwd / "crm.yaml").write_text("mine")
    again = cli("map", "kontakte.csv", "-o", "crm.yaml")
    assert again.code == 2
    assert "crm.yaml is there already. Name another file, or give --force." in the_error(again)
    assert (cli.cwd / "crm.yaml").read_text() == "mine"
    assert cli("map", "kontakte.csv", "-o", "crm.yaml", "--force").code == 0
    assert (cli.cwd / "crm.yaml").read_text(encoding="utf-8") == text


def test_table_as_json(cli):
    result = cli("map", "kontakte.csv", "--json")
    document = json.loads(result.stdout)
    assert (document["preset"], document["records"], document["warnings"]) == (None, 2, [])
    assert document["columns"][1] == {
        "column": "E-Mail-Adresse",
        "becomes": "Address of email",
        "confidence": "high",
        "why": "the header says e-mail address; 100 % of the values are e-mail addresses",
    }


def test_export_of_a_vendor(cli):
    result = cli("map", str(EXPORTS / "mailchimp.csv"), "-o", "m.yaml")
    assert result.code == 0
    assert "that the preset mailchimp knows" in result.stderr
    mapping = Mapping.model_validate(yaml.safe_load((cli.cwd / "m.yaml").read_text()))
    assert "email_unsubscribed" in {endpoint.name for endpoint in mapping.endpoints}
    assert "Attributes.Plan" in mapping.columns


def test_header_that_is_data_is_masked(cli):
    (cli.cwd / "bare.csv").write_text(
        "+49 1512 3456789,Bonn\n+49 1512 3456780,Ulm\n+49 1512 3456781,\n"
    )
    result = cli("map", "bare.csv", "-o", "m.yaml")
    assert result.code == 0
    assert "3456789" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("gone.csv",), 3, "No such file: gone.csv"),
        (("empty.csv",), 3, "empty.csv is empty"),
        (("clean.csv", "--preset", "x"), 2, "There is no preset x. There are: braze"),
        (("clean.csv", "--default-country", "Atlantis"), 2, "'Atlantis' is no country"),
        (("clean.csv", "-o", "gone/m.yaml"), 2, "Cannot write gone/m.yaml"),
    ],
)
def test_refusals(cli, arguments, code, says):
    result = cli("map", *arguments)
    assert result.code == code
    assert says in the_error(result)


def test_no_source_is_a_usage_error(cli):
    assert cli("map").code == 2
