import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns import (
    ATTRIBUTES,
    LIST_PREFIXES,
    METRICS,
    NAMED_PREFIXES,
    READ_ONLY_COLUMNS,
    RESULT_COLUMNS,
    SCALAR_COLUMNS,
    USER_ATTRIBUTES,
    attribute_name,
    canonical_name,
)

NAMES = st.text(min_size=1).map(str.strip).filter(bool)


@pytest.mark.parametrize("column", SCALAR_COLUMNS)
@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(str, id="as-is"),
        pytest.param(str.lower, id="lower"),
        pytest.param(str.upper, id="upper"),
        pytest.param("\t {} ".format, id="spaces"),
    ],
)
def test_every_spelling_of_a_scalar_column_is_known(column, spell):
    assert canonical_name(spell(column)) == column
    assert attribute_name(column) is None


@settings(deadline=None)
@given(st.sampled_from(NAMED_PREFIXES), NAMES, st.sampled_from([str, str.lower, str.upper]))
def test_name_behind_a_prefix_is_the_users_own(prefix, name, spell):
    column = canonical_name(f" {spell(prefix)}{name}\n")
    assert column == prefix + name
    assert attribute_name(column) == name


@settings(deadline=None)
@given(st.text())
def test_canonical_name_is_its_own_canonical_name(header):
    column = canonical_name(header)
    assert column is None or canonical_name(column) == column


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("E-mail", id="other-word"),
        pytest.param("", id="empty"),
        pytest.param("Attributes.", id="no-name"),
        pytest.param("Attributes. ", id="blank-name"),
        pytest.param("Attributes", id="no-dot"),
        pytest.param("Location", id="group"),
        pytest.param("Location.Street", id="unknown-member"),
        pytest.param("UserId", id="member-without-group"),
        pytest.param("User.Name", id="unknown-user-member"),
        pytest.param("Attribute.Plan", id="almost"),
    ],
)
def test_header_that_means_nothing(header):
    assert canonical_name(header) is None


def test_no_result_or_read_only_column_is_imported():
    assert not any(canonical_name(name) for name in {*RESULT_COLUMNS, *READ_ONLY_COLUMNS})


def test_prefixes():
    assert set(NAMED_PREFIXES) == {ATTRIBUTES, METRICS, USER_ATTRIBUTES}
    assert set(LIST_PREFIXES) == {ATTRIBUTES, USER_ATTRIBUTES}
