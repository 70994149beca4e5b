"""The command line's help, and its command that starts the local server."""

import re
import signal
import sqlite3
import sys
from pathlib import Path

import boto3
import click
import pytest
from processes import CommandLine, free_port, running, wait_until

from pipelines.cli import cli

FOR_ONCE = {
    ("runs", "limit"),
    ("runs", "status"),
    ("report", "opens"),
    ("report", "show_addresses"),
}
"""Options that ask for one thing now: whoever set them for good would be surprised."""


def test_commands_of_this_version() -> None:
    assert sorted(cli.commands) == [
        "check", "completion", "map", "plan", "report", "resume", "run", "runs", "serve", "state"
    ]  # fmt: skip


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_help(name: str, clean_environment: dict[str, str], tmp_path: Path) -> None:
    result = CommandLine(tmp_path, clean_environment)(name, "--help")
    assert (result.code, result.stderr) == (0, "")
    text = re.sub(r"\s+", " ", result.stdout)
    command = cli.commands[name]
    options = [param for param in command.params if isinstance(param, click.Option)]
    for option in [param for param in options if (name, param.name) not in FOR_ONCE]:
        flag = option.opts[0]
        variable = f"ENDPOINT_IMPORT_{flag.lstrip('-').replace('-', '_').upper()}"
        found = re.search(rf" {flag} (?:(?! --).)*\[env var: {variable}[^\]]*\]", text)
        assert found is not None, flag
        default = option.get_default(click.Context(command))
        if isinstance(default, str | int | Path) and not option.is_flag:
            # A default may be broken at its hyphens.
            assert f"default:{default}" in found[0].replace(" ", "")


def test_serve(clean_environment: dict[str, str], tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "pipelines.cli", "serve", "--port", str(port), "--db", "db"]
    with running(command, clean_environment, tmp_path, log) as server:
        wait_until(lambda: server.poll() is not None or "Serving" in log.read_text(), 60, log)
        client = boto3.client(
            "pinpoint",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="any",
            aws_secret_access_key="any",
        )
        request = {"ChannelType": "EMAIL", "Address": "ana@example.com"}
        client.update_endpoint(ApplicationId="local", EndpointId="a", EndpointRequest=request)
        found = client.get_endpoint(ApplicationId="local", EndpointId="a")["EndpointResponse"]
        assert found["Address"] == "ana@example.com"
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    assert re.fullmatch(rf"Serving .* at http://127\.0\.0\.1:{port}, .*\n", log.read_text())


def test_serve_takes_the_application_of_the_settings_file(
    clean_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "endpoint-import.toml").write_text('application-id = "mine"\nport = 0\ndb = "db"\n')
    log = tmp_path / "log"
    command = [sys.executable, "-m", "pipelines.cli", "serve"]
    with running(command, clean_environment, tmp_path, log) as server:
        wait_until(lambda: server.poll() is not None or "Serving" in log.read_text(), 60, log)
    with sqlite3.connect(f"{(tmp_path / 'db').as_uri()}?mode=ro", uri=True) as connection:
        assert connection.execute("SELECT id FROM applications").fetchall() == [("mine",)]
