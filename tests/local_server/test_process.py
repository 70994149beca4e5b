"""Starting and stopping, as a child and from the command line."""

import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

from pipelines.errors import ConfigurationError
from pipelines.local_server.faults import parse_faults
from pipelines.local_server.process import LocalServer, ServerOptions

COMMAND = [sys.executable, "-m", "pipelines.local_server"]


def start(tmp_path, *arguments):
    return subprocess.Popen(
        [*COMMAND, "--port", "0", "--db", str(tmp_path / "db"), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_data_survives_a_restart(tmp_path, email, connect):
    options = ServerOptions(port=0, db=tmp_path / "db", applications=("one", "two"))
    for attempt in (1, 2):
        with LocalServer(options) as running:
            client = connect(running.url)
            if attempt == 1:
                client.update_endpoint(ApplicationId="one", EndpointId="e1", EndpointRequest=email)
                before = client.get_endpoint(ApplicationId="one", EndpointId="e1")
            after = client.get_endpoint(ApplicationId="one", EndpointId="e1")
            names = [each["Name"] for each in client.get_apps()["ApplicationsResponse"]["Item"]]
    assert after["EndpointResponse"] == before["EndpointResponse"]
    assert names == ["one", "two"]


def test_the_database_is_readable_by_its_owner_only(tmp_path):
    with LocalServer(ServerOptions(port=0, db=tmp_path / "db", applications=("one",))):
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}
    assert "db-wal" in modes


def test_it_listens_on_loopback_only(server):
    assert urlsplit(server.url).hostname == "127.0.0.1"


def test_one_line_of_json_and_exit_code_0_on_sigterm(tmp_path):
    with start(tmp_path, "--app", "one") as process:
        ready = json.loads(process.stdout.readline())
        assert sorted(ready) == ["pid", "url"]
        assert ready["pid"] == process.pid
        url = urlsplit(ready["url"])
        # A connection that is kept open must not hold up the end.
        with socket.create_connection((url.hostname, url.port)) as connection:
            connection.sendall(b"GET /v1/apps HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        assert process.stdout.read() == b""
        assert process.stderr.read() == b""


def test_it_ends_with_its_standard_input(tmp_path):
    with start(tmp_path, "--exit-with-stdin") as process:
        process.stdout.readline()
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_host_that_others_can_reach_is_warned_about(tmp_path):
    with start(tmp_path, "--host", "0.0.0.0") as process:
        process.stdout.readline()
        process.terminate()
        assert process.wait(10) == 0
        assert b"other machines can reach this server" in process.stderr.read()


def test_serve_tells_people_where_it_is(tmp_path):
    code = (
        "import sys; from pathlib import Path;"
        "from pipelines.local_server.process import ServerOptions, serve;"
        f"serve(ServerOptions(port=0, db=Path({str(tmp_path / 'db')!r})),"
        " lambda line: print(line, flush=True)); print('ended')"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        line = process.stdout.readline().decode()
        assert "http://127.0.0.1:" in line
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stdout.read() == b"ended\n"


def refused(options):
    with pytest.raises(ConfigurationError) as caught, LocalServer(options):
        pass
    return str(caught.value)


def test_a_taken_port_is_a_configuration_error(server, tmp_path):
    port = urlsplit(server.url).port
    message = refused(ServerOptions(port=port, db=tmp_path / "db"))
    assert f"127.0.0.1 port {port}" in message
    assert "Choose another port" in message


def test_an_unknown_host_is_a_configuration_error(tmp_path):
    message = refused(ServerOptions(host="192.0.2.1", port=0, db=tmp_path / "db"))
    assert "192.0.2.1" in message


def test_a_file_that_is_no_database_is_a_configuration_error(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, " * 100)
    assert str(path) in refused(ServerOptions(port=0, db=path))
    assert path.read_text() == "not a database, " * 100


def test_the_database_of_another_program_is_a_configuration_error(tmp_path):
    path = tmp_path / "other.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE endpoints (id)")
    connection.close()
    assert "another program's database" in refused(ServerOptions(port=0, db=path))


def test_a_database_in_a_missing_folder_is_a_configuration_error(tmp_path):
    assert "No such file" in refused(ServerOptions(port=0, db=tmp_path / "none" / "db"))


def test_a_missing_credentials_file_is_a_configuration_error(tmp_path):
    options = ServerOptions(port=0, db=tmp_path / "db", credentials=tmp_path / "none")
    assert "Cannot read credentials" in refused(options)


@pytest.mark.parametrize(
    ("option", "value"),
    [("--fault", "429=2"), ("--fault", "reset"), ("--latency", "fast"), ("--quota", "0/s")],
)
def test_trouble_that_makes_no_sense_is_one_line_and_exit_code_2(tmp_path, option, value):
    with start(tmp_path, option, value) as process:
        assert process.wait(10) == 2
        (line,) = process.stderr.read().decode().splitlines()
    assert line.startswith(f"{option} '{value}' cannot be used: give ")
    assert list(tmp_path.iterdir()) == []


def test_faults_that_make_no_sense_are_a_configuration_error(tmp_path):
    faults = (*parse_faults("429=0.6"), *parse_faults("500=0.6"))
    options = ServerOptions(port=0, db=tmp_path / "db", faults=faults)
    assert "--fault '429=0.6,500=0.6'" in refused(options)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_rehearsal_ends_with_what_happened(tmp_path, email, connect, signal_number):
    with start(tmp_path, "--app", "one", "--fault", "429=0", "--seed", "1") as process:
        url = json.loads(process.stdout.readline())["url"]
        connect(url).update_endpoint(ApplicationId="one", EndpointId="e1", EndpointRequest=email)
        process.send_signal(signal_number)
        assert process.wait(10) == 0
        assert process.stderr.read() == b"Rehearsal: 1 request, 1 answered as usual\n"


def test_a_client_that_leaves_in_mid_request_leaves_no_trace(tmp_path, connect):
    with start(tmp_path, "--app", "one") as process:
        url = urlsplit(json.loads(process.stdout.readline())["url"])
        with socket.create_connection((url.hostname, url.port)) as connection:
            connection.sendall(
                b"PUT /v1/apps/one/endpoints HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Length: 1000\r\n\r\n{"
            )
        assert connect(url.geturl()).get_app(ApplicationId="one")["ApplicationResponse"]
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr.read() == b""


def test_verbose_logs_requests_but_no_secrets(tmp_path, connect):
    with start(tmp_path, "--verbose", "--app", "one") as process:
        url = json.loads(process.stdout.readline())["url"]
        connect(url, "AKIASYNTHETIC", "hush-hush").get_app(ApplicationId="one")
        process.terminate()
        assert process.wait(10) == 0
        log = process.stderr.read().decode()
    assert '"GET /v1/apps/one HTTP/1.1" 200' in log
    assert "hush-hush" not in log
    assert "AKIASYNTHETIC" not in log


def test_a_child_that_dies_is_noticed_by_its_clients(tmp_path, email, connect):
    with LocalServer(ServerOptions(port=0, db=tmp_path / "db", applications=("one",))) as running:
        client = connect(running.url)
        client.update_endpoint(ApplicationId="one", EndpointId="e1", EndpointRequest=email)
        os.kill(running.pid, signal.SIGKILL)
        with pytest.raises((EndpointConnectionError, ConnectionClosedError)):
            client.get_app(ApplicationId="one")
    # What it had accepted is there again.
    with LocalServer(ServerOptions(port=0, db=tmp_path / "db")) as running:
        stored = connect(running.url).get_endpoint(ApplicationId="one", EndpointId="e1")
    assert stored["EndpointResponse"]["Address"] == email["Address"]


def test_several_clients_on_one_server(server, connect):
    clients = [connect(server.url) for _ in range(3)]
    created = [each.create_app(CreateApplicationRequest={"Name": "n"}) for each in clients]
    assert len({each["ApplicationResponse"]["Id"] for each in created}) == 3
