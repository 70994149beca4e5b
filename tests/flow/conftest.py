import pytest
from cli_support import write_inputs
from processes import CommandLine


@pytest.fixture
def cli_here(run_cli: CommandLine) -> CommandLine:
    """Runs commands in a folder that holds `INPUTS`."""
    write_inputs(run_cli.cwd)
    return run_cli
