"""Rules of the house that no linter knows: who imports whom, what has tests and documentation."""

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import errors
from pipelines.errors import EndpointImportError
from schemas.issues import DUPLICATE_ID, ISSUE_KINDS, SERVICE_REFUSED
from schemas.limits import LIMITS

ROOT = Path(__file__).parents[1]
LONGEST_FILE = 400
PACKAGES = ("schemas", "pipelines")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
STEPS = sorted(p.stem for p in (ROOT / "pipelines/steps").glob("*.py") if p.stem != "__init__")

# Importer (a prefix of its dotted name) and what it must not import (likewise).
FORBIDDEN = [
    ("schemas", "pipelines"),
    ("pipelines.steps", "pipelines.storage"),
    ("pipelines.steps", "pipelines.destinations"),
    ("pipelines.steps", "pipelines.report"),
    ("pipelines.sources", "pipelines.steps"),
    ("pipelines.sources", "pipelines.storage"),
    ("pipelines.sources", "pipelines.destinations"),
    ("pipelines.steps", "pipelines.sources"),
    ("pipelines.destinations", "pipelines.sources"),
    ("pipelines.storage", "pipelines.steps"),
    ("pipelines.storage", "pipelines.destinations"),
    ("pipelines.destinations", "pipelines.steps"),
    ("pipelines.destinations", "pipelines.storage"),
    ("pipelines.report", "pipelines.destinations"),
    *(
        ("pipelines.state", f"pipelines.{other}")
        for other in ("steps", "destinations", "sources", "report", "settings")
    ),
    *(
        (f"pipelines.{core}", "pipelines.state")
        for core in ("steps", "destinations", "sources", "storage")
    ),
    *(
        ("pipelines.suggesting", f"pipelines.{shell}")
        for shell in ("sources", "storage", "destinations", "report", "settings")
    ),
]
CORE = (
    *("schemas", "pipelines.steps", "pipelines.sources", "pipelines.storage"),
    *("pipelines.destinations", "pipelines.state"),
)
SHELL = (
    *("pipelines.cli", "pipelines.terminal", "pipelines.preflight"),
    *(
        "pipelines.flows",
        "pipelines.tasks",
        "pipelines.staging",
        "pipelines.preparing",
        "pipelines.previewing",
    ),
    *("pipelines.sending", "pipelines.resuming", "pipelines.intake", "pipelines.phases"),
    "pipelines.syncing",
    *("pipelines.reporting", "pipelines.timeline", "pipelines.profiling"),
    *("pipelines.thresholds", "pipelines.history", "pipelines.series"),
    *("pipelines.prefect_api", "pipelines.prefect_server", "pipelines.delivering"),
    *("pipelines.runners", "pipelines.cluster", "pipelines.cluster_checks", "pipelines.lanes"),
    *("pipelines.books", "pipelines.progress", "pipelines.stopping"),
    *("pipelines.publishing", "pipelines.tracking"),
    *("pipelines.mapping_files", "pipelines.plain_yaml"),
    *("pipelines.suggesting", "pipelines.mapping_suggestion"),
)
# What is imported, and the only ones that may.
RESERVED = {
    "prefect": (
        *("pipelines.flows", "pipelines.tasks", "pipelines.intake", "pipelines.delivering"),
        *("pipelines.prefect_api", "pipelines.prefect_server", "pipelines.reporting"),
        *("pipelines.syncing.holding", "pipelines.syncing.synchronize"),
        *("pipelines.cluster", "pipelines.cluster_checks", "pipelines.publishing"),
    ),
    "prefect_dask": ("pipelines.cluster",),
    "distributed": ("pipelines.cluster", "pipelines.cluster_checks"),
    "dask": ("pipelines.runners",),
    "polars_hash": ("pipelines.steps.fingerprint",),
    "boto3": (
        "pipelines.s3_client",
        "pipelines.destinations",
        "pipelines.storage",
        "pipelines.sources",
        "pipelines.local_server",
    ),
    "botocore": (
        "pipelines.s3_client",
        "pipelines.destinations",
        "pipelines.storage",
        "pipelines.sources",
        "pipelines.local_server",
    ),
    "pipelines.local_server": (
        "pipelines.cli",
        "pipelines.terminal.given_settings",
        "pipelines.local_server",
    ),
}
IMPURE = ("time", "os", "pathlib", "socket", "random", "urllib", "requests", "threading", "logging")


def dotted_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source: str) -> set[str]:
    """Give every module that a source imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


IMPORTS = {dotted_name(path): imports(path.read_text(encoding="utf-8")) for path in SOURCES}


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def violations(importer: str, imported: str) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        if is_within(module, importer)
        for name in sorted(names)
        if is_within(name, imported)
    ]


def test_imports_are_found():
    source = "import a.b\ndef f():\n    from c import d, e\n"
    assert imports(source) == {"a.b", "c.d", "c.e"}
    assert "polars" in IMPORTS["pipelines.steps.encode"]


@pytest.mark.parametrize(("importer", "imported"), FORBIDDEN)
def test_layer_does_not_import(importer, imported):
    assert violations(importer, imported) == []


@pytest.mark.parametrize("importer", CORE)
@pytest.mark.parametrize("imported", SHELL)
def test_core_does_not_import_the_shell(importer, imported):
    assert violations(importer, imported) == []


@pytest.mark.parametrize(("imported", "allowed"), RESERVED.items(), ids=list(RESERVED))
def test_import_is_reserved(imported, allowed):
    everywhere = [text for package in PACKAGES for text in violations(package, imported)]
    expected = [text for package in allowed for text in violations(package, imported)]
    assert sorted(everywhere) == sorted(expected)
    assert expected


@pytest.mark.parametrize("importer", ["pipelines.steps", "pipelines.suggesting"])
@pytest.mark.parametrize("imported", IMPURE)
def test_steps_are_pure(importer, imported):
    assert violations(importer, imported) == []


@pytest.mark.parametrize("step", STEPS)
def test_step_has_its_tests(step):
    assert (ROOT / "tests/pipelines/steps" / f"test_{step}.py").is_file()


@pytest.mark.parametrize("folder", [*PACKAGES, "tests"])
def test_no_file_is_too_long(folder):
    files = (ROOT / folder).rglob("*.py")
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > LONGEST_FILE} == {}


def test_issue_codes_are_well_formed_and_unique():
    codes = [*ISSUE_KINDS, DUPLICATE_ID, SERVICE_REFUSED]
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", code) for code in codes)
    assert len(set(codes)) == len(codes)


def test_no_issue_code_is_defined_twice():
    tree = ast.parse((ROOT / "schemas/issues.py").read_text(encoding="utf-8"))
    codes = [
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("_error", "_warning")
        and isinstance(node.args[0], ast.Constant)
    ]
    assert codes == list(ISSUE_KINDS)


def documented(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ISSUE_KINDS.values(), ids=list(ISSUE_KINDS))
def test_issue_is_documented_as_it_is(kind):
    lines = [line for line in documented("issues.md").splitlines() if f"`{kind.code}`" in line]
    row = f"| `{kind.code}` | {kind.severity} | {kind.text} | {kind.remedy} |"
    assert row in lines


@pytest.mark.parametrize("code", [DUPLICATE_ID, SERVICE_REFUSED])
def test_code_of_an_outcome_is_documented(code):
    assert f"`{code}`" in documented("issues.md")


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_limit_is_documented_as_it_is(limit):
    row = f"| `{limit.name}` | {limit.value:,} | {limit.unit} | {limit.source} |"
    assert row in documented("limits.md").splitlines()


def subclasses(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type)]
ERRORS = [kind for kind in ERRORS if issubclass(kind, EndpointImportError)]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_error_survives_pickling(kind):
    error = kind("Do this next.", run_id="r-1", partition=3)
    error.add_note("a note")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == again.message == "Do this next."
    assert again.details == {"run_id": "r-1", "partition": 3}
    assert again.exit_code == kind.exit_code


def test_errors_are_all_in_one_file_and_named_so():
    ours = [k for k in subclasses(EndpointImportError) if k.__module__.startswith(PACKAGES)]
    assert set(ours) == set(ERRORS) - {EndpointImportError}
    assert all(kind.__name__.endswith("Error") for kind in ours)
    assert {kind.exit_code for kind in ours} <= {1, 2, 3, 4, 5}
