"""Nightly imports: what changed is sent and nothing else, and nobody is opted in by that."""

from pathlib import Path

import pytest
from import_support import require_balance
from sync_support import HEADER, MIRROR, Nights, Row, person

from pipelines.errors import GuardError
from pipelines.local_server.process import LocalServer, ServerOptions

pytestmark = pytest.mark.usefixtures("prefect_api")


def test_only_what_changed_is_sent_in_full_requests(nights: Nights, tmp_path: Path):
    first = [person(number) for number in range(4_000)]
    changed = set(range(0, 4_000, 20))
    second = [
        person(number, city="Paris" if number in changed else "Lyon") for number in range(4_000)
    ]
    assert nights.night(first, partition_rows=500)["accepted"] == 4_000
    summary = nights.night(second, partition_rows=500)
    require_balance(summary)
    assert (summary["accepted"], summary["unchanged"]) == (200, 3_800)
    assert (summary["requests"], summary["status"]) == (2, "completed")
    with LocalServer(
        ServerOptions(port=0, db=tmp_path / "full.sqlite3", applications=("local",))
    ) as other:
        upserted = Nights(tmp_path / "full", other, sync_mode="upsert")
        upserted.folder.mkdir()
        upserted.night(first)
        upserted.night(second)
        assert upserted.stored == nights.stored
    assert nights.night(second)["requests"] == 0


def test_every_import_is_remembered_whatever_its_mode(nights: Nights):
    rows = [person(number) for number in range(10)]
    assert nights.night(rows, sync_mode="upsert")["accepted"] == 10
    assert nights.night(rows)["unchanged"] == 10
    assert nights.night(rows, sync_mode="upsert")["accepted"] == 10
    assert nights.night(rows, full_refresh=True)["accepted"] == 10


def test_order_of_columns_and_rows_is_no_change(nights: Nights):
    nights.night([person(number) for number in range(10)])
    shuffled = [person(number)[::-1] for number in reversed(range(10))]
    assert nights.night(shuffled, HEADER[::-1])["unchanged"] == 10


def test_what_went_back_to_older_content_is_sent(nights: Nights):
    for city in ("Lyon", "Paris", "Lyon"):
        assert nights.night([person(1, city=city)])["accepted"] == 1
    assert nights.endpoint(1)["Location"]["City"] == "Lyon"


def test_nothing_is_kept_if_so_asked(nights: Nights):
    nights.night([person(1)], sync_mode="upsert", no_state=True)
    assert not (nights.folder / "runs/.state").exists()
    assert nights.night([person(1)])["accepted"] == 1


# -- consent -------------------------------------------------------------------------------


def test_nobody_is_opted_in_again(nights: Nights):
    nights.night([person(1, "ALL"), person(2, "ALL"), person(3, "NONE")])
    summary = nights.night([person(1, "NONE"), person(2, "", city="Paris"), person(3, "ALL")])
    require_balance(summary)
    assert (summary["held"], summary["accepted"], summary["unchanged"]) == (1, 2, 0)
    assert [nights.endpoint(number)["OptOut"] for number in (1, 2, 3)] == ["ALL"] * 3
    [held] = nights.read("held.csv")
    assert (held["Id"], held["_error_codes"]) == ("id-1", "consent.opt_in")
    assert "--allow-opt-in" in held["_error_messages"]


@pytest.mark.parametrize("mode", ["upsert", "changed", "mirror"])
@pytest.mark.parametrize("full_refresh", [False, True])
def test_consent_is_guarded_in_every_mode(nights: Nights, mode: str, full_refresh: bool):
    nights.night([person(1, "ALL")])
    summary = nights.night([person(1, "NONE")], sync_mode=mode, full_refresh=full_refresh)
    assert (summary["held"], summary["requests"]) == (1, 0)
    assert nights.endpoint(1)["OptOut"] == "ALL"


def test_an_opt_in_that_is_asked_for_by_name_is_done(nights: Nights):
    nights.night([person(1, "ALL")])
    assert nights.night([person(1, "NONE")], allow_opt_in=True)["accepted"] == 1
    assert nights.endpoint(1)["OptOut"] == "NONE"
    assert not (nights.run / "held.csv").exists()


CONSENT = """
columns:
  Id: Contact
  ChannelType: {constant: EMAIL}
  Address: Mail
  OptOut: {from: Newsletter, values: {"yes": NONE, "no": ALL}}
"""
CONTACTS = ("Contact", "Mail", "Newsletter")


def contacts(count: int, newsletter: str) -> list[Row]:
    return [(f"id-{n}", f"p{n}@example.com", newsletter) for n in range(count)]


@pytest.fixture
def consenting(nights: Nights, tmp_path: Path) -> Nights:
    """Nights with a mapped column of consent."""
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(CONSENT)
    nights.settings |= {"mapping": str(mapping)}
    return nights


def test_a_mapped_column_takes_back_what_it_said(consenting: Nights):
    consenting.night(contacts(2, "no"), CONTACTS)
    summary = consenting.night(contacts(2, "yes"), CONTACTS)
    assert (summary["accepted"], summary["opt_ins"]) == (2, 2)
    assert consenting.endpoint(1)["OptOut"] == "NONE"


def test_a_mapped_column_does_not_take_back_what_mirror_said(consenting: Nights):
    consenting.night(contacts(2, "yes"), CONTACTS, **MIRROR)
    consenting.night(contacts(1, "yes"), CONTACTS, **MIRROR)
    summary = consenting.night(contacts(2, "yes"), CONTACTS, **MIRROR)
    assert (summary["held"], summary["unchanged"], summary["opt_ins"]) == (1, 1, 0)
    assert consenting.endpoint(1)["OptOut"] == "ALL"


def test_a_column_of_consent_that_broke_sends_nothing(consenting: Nights):
    consenting.night(contacts(30, "no"), CONTACTS)
    with pytest.raises(GuardError, match=r"30 of 30 endpoints .* --max-opt-ins 1%"):
        consenting.night(contacts(30, "yes"), CONTACTS)
    assert consenting.endpoint(1)["OptOut"] == "ALL"
    assert consenting.night(contacts(30, "yes"), CONTACTS, max_opt_ins="30")["opt_ins"] == 30


def test_who_opted_out_at_the_service_stays_so(nights: Nights):
    nights.night([person(1, "NONE")])
    nights.service.update_endpoint(
        ApplicationId="local", EndpointId="id-1", EndpointRequest={"OptOut": "ALL"}
    )
    assert nights.night([person(1, "NONE", city="Paris")])["accepted"] == 1
    endpoint = nights.endpoint(1)
    assert (endpoint["OptOut"], endpoint["Location"]["City"]) == ("ALL", "Paris")


def test_no_endpoint_is_activated_by_an_update(nights: Nights):
    header = (*HEADER, "EndpointStatus")
    nights.night([(*person(1), "INACTIVE"), (*person(2), "INACTIVE")], header)
    rows = [(*person(1, city="Paris"), ""), (*person(2, city="Paris"), "INACTIVE")]
    summary = nights.night(rows, header)
    assert (summary["held"], summary["accepted"]) == (1, 1)
    assert [nights.endpoint(number)["EndpointStatus"] for number in (1, 2)] == ["INACTIVE"] * 2
    assert nights.read("held.csv")[0]["_error_codes"] == "consent.reactivation"
    assert nights.night(rows, header, allow_opt_in=True)["held"] == 0
    assert nights.endpoint(1)["EndpointStatus"] == "ACTIVE"
