"""Contacts under a CRM's own column names, through the command line into the local server.

The export and the mapping are those of docs/mapping.md, so that what it says is what happens.
"""

import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from cli_support import KEYS, read_manifest, read_summary, the_error
from fakes import Reply
from import_support import FailingSink, read_rows, resume, run_import
from processes import CommandLine

from pipelines.errors import DestinationError
from pipelines.local_server.process import LocalServer

GUIDE = (Path(__file__).parents[2] / "docs/mapping.md").read_text(encoding="utf-8")
CHAPTER = GUIDE.split("## A HubSpot-like export")[1].split("\n## ")[0]
MAPPING = re.findall(r"```yaml\n(.*?)```", CHAPTER, re.DOTALL)[0]
ALL = re.sub(r"where:\n(?:  .*\n)+", "", MAPPING)
"""The same without a condition: nothing is left out."""
LINES = [line.strip("| ").replace("|", ",") for line in CHAPTER.split("```")[0].splitlines()]
TABLE = [re.sub(r" *, *", ",", line) for line in LINES if "," in line and "---" not in line]
CONTACTS = "\n".join(line for line in TABLE if line.startswith(("Record ID", "50"))) + "\n"
ANA = "+491701234567"


def read_back(url: str) -> dict[str, dict[str, Any]]:
    """Read the endpoints of the users 501 to 504 from the service, by their address."""
    client = boto3.client(
        "pinpoint",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    found = {}
    for user in ("501", "502", "503", "504"):
        try:
            answer = client.get_user_endpoints(ApplicationId="local", UserId=user)
        except client.exceptions.NotFoundException:
            continue
        found |= {item["Address"]: item for item in answer["EndpointsResponse"]["Item"]}
    return found


@pytest.fixture
def cli(run_cli: CommandLine) -> CommandLine:
    (run_cli.cwd / "contacts.csv").write_text(CONTACTS, encoding="utf-8")
    (run_cli.cwd / "crm.yaml").write_text(MAPPING, encoding="utf-8")
    (run_cli.cwd / "all.yaml").write_text(ALL, encoding="utf-8")
    return run_cli


def send(cli: CommandLine, url: str, mapping: str, *options: str) -> Any:
    target = ("--application-id", "local", "--endpoint-url", url, "--region", "us-east-1")
    return cli("run", "contacts.csv", "--mapping", mapping, *target, *options, **KEYS)


def test_a_contact_becomes_an_endpoint_for_each_address(
    cli: CommandLine, local_server: LocalServer
) -> None:
    result = send(cli, local_server.url, "all.yaml", "--run-id", "one", "--keep-staged")
    assert result.code == 1, result.stderr
    summary = read_summary(cli.cwd / "runs", "one")
    counted = {name: summary[name] for name in ("rows", "accepted", "invalid", "balanced")}
    assert counted == {"rows": 4, "accepted": 3, "invalid": 1, "balanced": True}
    stored = read_back(local_server.url)
    assert sorted(stored) == [ANA, "ana@example.com", "bo@example.com", "test@example.com"]
    mail, phone = stored["ana@example.com"], stored[ANA]
    assert (mail["ChannelType"], phone["ChannelType"]) == ("EMAIL", "SMS")
    assert (mail["OptOut"], stored["bo@example.com"]["OptOut"]) == ("NONE", "ALL")
    assert phone.get("OptOut", "NONE") == "NONE"
    for endpoint in (mail, phone):
        assert endpoint["User"]["UserId"] == "501"
        assert endpoint["User"]["UserAttributes"] == {"Name": ["Ana Diaz"]}
        assert endpoint["Attributes"] == {"Stage": ["customer"]}
        assert endpoint["Location"]["Country"] == "DE"
        assert endpoint["EffectiveDate"] == "2026-01-31T08:30:00.000Z"
    errors = read_rows(cli.cwd / "runs/one/errors.csv")
    codes = errors[0].index("_error_codes")
    told = {row[0]: row[codes] for row in errors[1:]}
    assert told == {"503": "address.missing"}
    kept = read_manifest(cli.cwd / "runs", "one")["mapping"]
    assert kept["endpoints"][1]["columns"]["Address"]["phone_region"] == "{Country/Region}"


def test_a_row_with_one_bad_endpoint_is_told_by_check_as_by_run(
    cli: CommandLine, local_server: LocalServer
) -> None:
    contacts = cli.cwd / "contacts.csv"
    contacts.write_text(CONTACTS.replace("0170 1234567", "0170"), encoding="utf-8")
    cli("check", "contacts.csv", "--mapping", "crm.yaml", "--run-id", "checked")
    assert send(cli, local_server.url, "crm.yaml", "--run-id", "sent").code == 1
    for name in ("checked", "sent"):
        summary = read_summary(cli.cwd / "runs", name)
        assert [summary[count] for count in ("rows", "left_out", "invalid")] == [3, 1, 2]
        errors = (cli.cwd / "runs" / name / "errors.csv").read_text(encoding="utf-8")
        assert errors.count("address.phone_invalid") == 1
    corrected = errors.replace(",0170,", ",0170 1234567,")
    contacts.write_text(corrected, encoding="utf-8")
    send(cli, local_server.url, "crm.yaml", "--run-id", "again")
    summary = read_summary(cli.cwd / "runs", "again")
    assert [summary[count] for count in ("rows", "accepted", "invalid")] == [2, 1, 1]
    assert ANA in read_back(local_server.url)


def test_clearing_reaches_the_service(local_server: LocalServer, tmp_path: Path) -> None:
    mapping = tmp_path / "coupons.yaml"
    mapping.write_text(
        "columns:\n"
        "  ChannelType: {constant: EMAIL}\n"
        "  Address: Mail\n"
        "  User.UserId: User\n"
        "  Attributes.Coupon: {from: Coupon, blank: clear}\n"
        "  Attributes.Plan: Coupon\n"
        "  Location.City: {from: City, blank: clear}\n"
    )
    for row in ("501,ana@example.com,SPRING,Bern", "501,ana@example.com,,"):
        (tmp_path / "a.csv").write_text(f"User,Mail,Coupon,City\n{row}\n")
        summary = run_import(tmp_path, local_server.url, tmp_path / "a.csv", mapping=str(mapping))
        assert summary["accepted"] == 1
    stored = read_back(local_server.url)["ana@example.com"]
    assert stored["Attributes"] == {"Coupon": [], "Plan": ["SPRING"]}
    assert stored["Location"]["City"] == ""


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--mapping", "nowhere.yaml"], 2, "The mapping file nowhere.yaml cannot be read"),
        (["--mapping", "nopreset"], 2, "There is no preset 'nopreset'. Presets are: "),
        (["--mapping", "bad.yaml"], 2, "bad.yaml, line 1: colums: is not known here."),
        (["--mapping", "other.yaml"], 3, "contacts.csv has no column 'E-mail', which the mapping"),
    ],
)
def test_refusals(cli: CommandLine, options: list[str], code: int, says: str) -> None:
    (cli.cwd / "bad.yaml").write_text("colums: {}")
    (cli.cwd / "other.yaml").write_text("columns:\n  Address: E-mail\n")
    result = cli("check", "contacts.csv", "--default-channel", "EMAIL", *options)
    assert result.code == code
    assert the_error(result).startswith(f"Error: {says}")


def test_resume_goes_on_with_the_mapping_that_the_run_began_with(tmp_path: Path) -> None:
    source, mapping = tmp_path / "contacts.csv", tmp_path / "crm.yaml"
    source.write_text(CONTACTS, encoding="utf-8")
    mapping.write_text(ALL, encoding="utf-8")
    with FailingSink(Reply(403, b"{}"), after=0) as sink:
        with pytest.raises(DestinationError):
            run_import(tmp_path, sink.url, source, mapping=str(mapping), run_id="one")
        mapping.unlink()
        sink.failure = None
        summary = resume(tmp_path)
        assert [summary[name] for name in ("rows", "accepted", "invalid")] == [4, 3, 1]
        assert len(sink.accepted) == 4
