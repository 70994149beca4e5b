from pathlib import Path

import pytest
from cli_support import write_inputs
from processes import CommandLine
from sync_support import Nights

from pipelines.local_server.process import LocalServer


@pytest.fixture
def cli_here(run_cli: CommandLine) -> CommandLine:
    """Runs commands in a folder that holds `INPUTS`."""
    write_inputs(run_cli.cwd)
    return run_cli


@pytest.fixture
def nights(tmp_path: Path, local_server: LocalServer) -> Nights:
    """Imports into the local server, one night after the other."""
    return Nights(tmp_path, local_server)
