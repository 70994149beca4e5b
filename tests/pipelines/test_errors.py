"""Errors: grouped by what to do, told by exit code, and fit to travel between processes."""

import pickle

import pytest

from pipelines import errors
from pipelines.errors import (
    BooksError,
    ClusterError,
    ConfigurationError,
    DestinationError,
    EndpointImportError,
    GuardError,
    RunStateError,
    SourceError,
    StateError,
    StoppedError,
    StorageError,
    TerminalDestinationError,
    TransientDestinationError,
)

EXIT_CODES = {
    EndpointImportError: 1,
    BooksError: 1,
    StoppedError: 5,
    ClusterError: 5,
    StorageError: 5,
    ConfigurationError: 2,
    RunStateError: 2,
    StateError: 2,
    SourceError: 3,
    GuardError: 4,
    DestinationError: 5,
    TransientDestinationError: 5,
    TerminalDestinationError: 5,
}
KINDS = [pytest.param(kind, id=kind.__name__) for kind in EXIT_CODES]


def test_every_class_is_listed_here():
    found = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert found == set(EXIT_CODES)


@pytest.mark.parametrize("kind", KINDS)
def test_the_exit_code_is_the_contracts(kind):
    assert kind("why").exit_code == EXIT_CODES[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_everything_raised_on_purpose_has_one_base(kind):
    assert issubclass(kind, EndpointImportError)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_a_pickle_round_trip(kind, protocol):
    error = kind("why", run_id="r1", partition=3)
    copy = pickle.loads(pickle.dumps(error, protocol))
    assert type(copy) is kind
    assert str(copy) == copy.message == "why"
    assert copy.details == {"run_id": "r1", "partition": 3}
    assert copy.args == error.args


@pytest.mark.parametrize("kind", [TransientDestinationError, TerminalDestinationError])
def test_what_stops_a_run_part_way_can_be_caught_together(kind):
    with pytest.raises(DestinationError):
        raise kind("why")
