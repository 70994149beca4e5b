"""Commands that must not work: the exit code, one line, and no library's noise."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import pytest
from cli_support import ELSEWHERE, KEYS, NOWHERE, the_error, write_inputs
from processes import CliResult, CommandLine, side_by_side


@dataclass(frozen=True)
class Refusal:
    """A command that must not work, and what it has to say."""

    name: str
    code: int
    says: str
    arguments: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)


def refused(name: str, code: int, says: str, *arguments: str, **variables: str) -> Refusal:
    return Refusal(name, code, says, arguments, variables)


REFUSALS = [
    refused("missing-file", 3, r"No such file: gone\.csv\. Check", "check", "gone.csv"),
    refused(
        "missing-file-run", 3, r"No such file: gone\.csv\. Check", "run", "gone.csv", "--local"
    ),
    refused("missing-glob", 3, r"No file matches \*\.pq\. Check", "check", "*.pq"),
    refused("empty-file", 3, r"empty\.csv is empty.*\. Check the export", "check", "empty.csv"),
    refused("no-match-in-directory", 3, r"directory notes\. Readable are CSV", "check", "notes"),
    refused("rubbish-csv", 3, r"rubbish\.csv is binary.*\. Check", "check", "rubbish.csv"),
    refused("rubbish-parquet", 3, r"rubbish\.parquet is no", "check", "rubbish.parquet"),
    refused(
        "unclear-encoding", 3, r"latin1\.csv.*--encoding cp1252; .*Give", "check", "latin1.csv"
    ),
    refused(
        "bad-delimiter",
        2,
        r"--delimiter: ';;' is no single ASCII character",
        "check",
        "clean.csv",
        "--delimiter",
        ";;",
    ),
    refused(
        "bad-encoding",
        2,
        r"--encoding: 'klingon' is no encoding .* such as utf-8",
        "check",
        "clean.csv",
        "--encoding",
        "klingon",
    ),
    refused(
        "no-header-names",
        2,
        r"clean\.csv has no header: .* in the mapping",
        "check",
        "clean.csv",
        "--no-header",
    ),
    refused(
        "no-address", 3, r"contacts\.csv has no column Address; .* Rename", "check", "contacts.csv"
    ),
    refused(
        "no-channel", 3, r"no column ChannelType; .*--default-channel", "check", "nochannel.csv"
    ),
    refused(
        "unsupported-ending", 3, r"\.ods is not supported\. Readable are", "check", "audience.ods"
    ),
    refused("stdin-twice", 3, r"Standard input \(-\) can be read only once", "check", "-", "-"),
    refused("unknown-scheme", 3, r"only s3:// is read", "check", "gs://bucket/x.csv"),
    refused(
        "no-keys-for-s3",
        3,
        r"Unable to locate credentials\. Set AWS_ACCESS_KEY_ID",
        "check",
        "s3://bucket/x.csv",
    ),
    refused(
        "no-credentials", 2, r"No AWS credentials found\. Set AWS_", "run", "clean.csv", *ELSEWHERE
    ),
    refused(
        "no-region",
        2,
        r"No AWS region given\. Name one with --region",
        "run",
        "clean.csv",
        "--application-id",
        "x",
        **KEYS,
    ),
    refused(
        "unknown-profile",
        2,
        r"profile \(nobody\) could not be found\. Check --profile",
        "run",
        "clean.csv",
        *ELSEWHERE,
        "--profile",
        "nobody",
    ),
    refused(
        "bad-url",
        2,
        r"--endpoint-url: give a URL such as",
        "run",
        "clean.csv",
        "--application-id",
        "x",
        "--endpoint-url",
        "nonsense",
        **KEYS,
    ),
    refused(
        "no-application", 2, r"No application named\. Give --application-id", "run", "clean.csv"
    ),
    refused(
        "unknown-option", 2, r"No such option.*--colour", "run", "clean.csv", "--colour", "blue"
    ),
    refused(
        "option-before-its-command",
        2,
        r"option -q\. It belongs behind the command: `endpoint-import check -q`",
        "-q",
        "check",
        "clean.csv",
    ),
    refused("option-of-none", 2, r"option -y\. `endpoint-import --help` lists", "-y", "check"),
    refused("unknown-command", 2, r"No such command 'fly'", "fly"),
    refused("no-source", 2, r"Missing argument 'SOURCE\.\.\.'", "run", "--local"),
    refused(
        "bad-max-invalid",
        2,
        r"--max-invalid: 'few' is neither .* such as",
        "check",
        "clean.csv",
        "--max-invalid",
        "few",
    ),
    refused(
        "bad-country",
        2,
        r"--default-country: 'xx' is no .* such as US",
        "check",
        "clean.csv",
        "--default-country",
        "xx",
    ),
    refused("bad-limit", 2, r"--limit", "check", "clean.csv", "--limit", "0"),
    refused(
        "bad-run-id",
        2,
        r"'\.\./up' cannot name a run: use",
        "check",
        "clean.csv",
        "--run-id",
        "../up",
    ),
    refused(
        "runs-dir-is-a-file", 2, r"clean\.csv", "check", "clean.csv", "--runs-dir", "clean.csv/runs"
    ),
    refused(
        "unknown-setting",
        2,
        r"unknown\.toml has an unknown name: colour",
        "--config",
        "unknown.toml",
        "runs",
    ),
    refused(
        "broken-settings",
        2,
        r"broken\.toml cannot be read: .*line 1",
        "--config",
        "broken.toml",
        "runs",
    ),
    refused(
        "wrong-setting",
        2,
        r"limit in wrong\.toml: 'many'",
        "--config",
        "wrong.toml",
        "check",
        "clean.csv",
    ),
    refused("missing-settings", 2, r"'gone\.toml' does not exist", "--config", "gone.toml", "runs"),
    refused(
        "wrong-variable",
        2,
        r"--limit \(ENDPOINT_IMPORT_LIMIT\): 'many'",
        "check",
        "clean.csv",
        ENDPOINT_IMPORT_LIMIT="many",
    ),
    refused(
        "unknown-run", 2, r"no run gone in runs\. `endpoint-import runs` lists", "report", "gone"
    ),
    refused(
        "no-prefect-api",
        2,
        rf"Prefect API at {NOWHERE}/api.* PREFECT_API_URL",
        "check",
        "clean.csv",
        PREFECT_API_URL=f"{NOWHERE}/api",
    ),
]


@pytest.fixture(scope="module")
def refusals(
    prefect_server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], CliResult]]:
    """Runs all refusals, two at a time."""

    def run(case: Refusal) -> CliResult:
        folder = tmp_path_factory.mktemp(case.name)
        write_inputs(folder)
        return CommandLine(folder, prefect_server.environment)(*case.arguments, **case.variables)

    with side_by_side({case.name: partial(run, case) for case in REFUSALS}) as result_of:
        yield result_of


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in REFUSALS])
def test_refusal(case: Refusal, refusals: Callable[[str], CliResult]) -> None:
    result = refusals(case.name)
    assert re.search(case.says, the_error(result)), result
    assert result.stdout == ""
    assert result.code == case.code
