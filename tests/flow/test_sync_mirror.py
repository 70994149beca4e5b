"""Mirror: what is gone from the source is retired, by policy and behind guards."""

import pytest
from import_support import require_balance
from sync_support import MIRROR, Nights, person

pytestmark = pytest.mark.usefixtures("prefect_api")


@pytest.mark.parametrize(
    ("retire", "member", "value"),
    [("optout", "OptOut", "ALL"), ("inactive", "EndpointStatus", "INACTIVE")],
)
def test_what_is_gone_is_retired_by_policy(nights: Nights, retire: str, member: str, value: str):
    nights.night([person(1), person(2)], **MIRROR)
    summary = nights.night([person(1)], **MIRROR, retire=retire)
    require_balance(summary)
    assert (summary["unchanged"], summary["to_retire"], summary["retired"]) == (1, 1, 1)
    assert nights.endpoint(2)[member] == value
    assert nights.endpoint(1).get(member) != value
    assert [row["_outcome"] for row in nights.read("removals.csv")] == ["retired"]
    again = nights.night([person(1)], **MIRROR, retire=retire)
    assert (again["requests"], again["to_retire"]) == (0, 0)


def test_what_is_gone_is_deleted_if_so_asked(nights: Nights):
    nights.night([person(1), person(2)], **MIRROR)
    nights.night([person(1)], **MIRROR, retire="delete")
    assert set(nights.stored) == {"id-1"}
    assert nights.night([person(1), person(2)], **MIRROR)["accepted"] == 1
    assert set(nights.stored) == {"id-1", "id-2"}


def test_what_cannot_be_retired_is_told_as_an_error_and_tried_again(nights: Nights):
    steps = ("..", "EMAIL", "steps@example.com", "", "Lyon", "gold")  # in a path: never deleted
    nights.night([person(1), steps], **MIRROR)
    summary = nights.night([person(1)], **MIRROR, retire="delete")
    assert (summary["retired"], summary["refused_removals"]) == (0, 1)
    assert summary["status"] == "completed_with_errors"
    assert nights.night([person(1)], **MIRROR, retire="optout")["status"] == "completed"
    assert nights.stored[".."]["opt_out"] == "ALL"


def test_what_is_back_is_active_again_but_not_opted_in(nights: Nights):
    nights.night([person(1), person(2, "NONE")], **MIRROR)
    nights.night([person(1)], **MIRROR, retire="inactive")
    assert nights.night([person(1), person(2, "NONE")], **MIRROR)["accepted"] == 1
    assert nights.endpoint(2)["EndpointStatus"] == "ACTIVE"
    nights.night([person(1)], **MIRROR, retire="optout")
    assert nights.night([person(1), person(2, "NONE")], **MIRROR)["held"] == 1
    assert nights.endpoint(2)["OptOut"] == "ALL"


def test_what_is_gone_stays_without_mirror(nights: Nights):
    nights.night([person(1), person(2)])
    assert nights.night([person(1)])["requests"] == 0
    assert "OptOut" not in nights.endpoint(2) or nights.endpoint(2)["OptOut"] == "NONE"


def test_a_row_that_is_invalid_is_not_gone(nights: Nights):
    nights.night([person(1), person(2)], **MIRROR)
    broken = ("id-2", "EMAIL", "nobody", "", "Lyon", "gold")
    summary = nights.night([person(1), broken], **MIRROR)
    assert (summary["invalid"], summary["to_retire"]) == (1, 0)


@pytest.mark.parametrize(
    ("rows", "limits", "told"),
    [
        ([person(1)], {"max_removals": "1"}, "--max-removals"),
        ([person(1)], {"max_removals": "9", "max_shrink": "50%"}, "--max-shrink"),
        ([], {"max_removals": "9", "max_shrink": "100%"}, "no row"),
        (
            [person(1), person(2), ("", "EMAIL", "nobody", "", "", "")],
            {"max_removals": "9", "max_shrink": "9"},
            "--max-unidentified",
        ),
    ],
    ids=["many removals", "smaller source", "empty source", "unidentified rows"],
)
def test_a_guard_stops_before_anything_is_sent(nights: Nights, rows, limits, told):
    nights.night([person(number) for number in (1, 2, 3)], sync_mode="mirror")
    before = nights.stored
    changed = [(*row[:4], "Paris", row[5]) for row in rows]
    with pytest.raises(Exception, match=told) as stopped:
        nights.night(changed, sync_mode="mirror", **limits)
    assert stopped.value.exit_code == 4
    assert nights.stored == before
    gone = {row["Id"] for row in nights.read("removals.csv")}
    assert gone == {"id-1", "id-2", "id-3"} - {row[0] for row in rows}


def test_an_endpoint_of_two_feeds_is_gone_when_it_is_in_none(nights: Nights):
    nights.night([person(1), person(2)], **MIRROR, feed="crm")
    assert nights.night([person(2)], **MIRROR, feed="shop")["unchanged"] == 1
    assert nights.night([person(1)], **MIRROR, feed="crm")["to_retire"] == 0
    assert nights.night([person(3)], **MIRROR, feed="shop")["retired"] == 1
    assert nights.endpoint(2)["OptOut"] == "ALL"
