import polars as pl

from pipelines.steps.endpoint_rows import drop_explained, drop_repeated, list_endpoints
from pipelines.steps.result import FOUND_SCHEMA

PHONE = ("p", "SMS", "+12065550100")


def endpoints(*rows):
    return pl.DataFrame(
        rows, {"row_key": pl.Int64, "Id": str, "ChannelType": str, "Address": str}, orient="row"
    )


def test_the_same_endpoint_of_one_record_is_there_once():
    frame = endpoints((16, *PHONE), (17, *PHONE), (18, "q", *PHONE[1:]), (32, *PHONE))
    assert drop_repeated(frame)["row_key"].to_list() == [16, 18, 32]


def test_of_the_same_endpoints_the_one_that_says_no_stays():
    phones = [(16, *PHONE), (17, *PHONE), (32, *PHONE), (33, *PHONE), (48, *PHONE), (49, *PHONE)]
    frame = endpoints(*phones, (50, "q", *PHONE[1:])).with_columns(
        pl.Series("OptOut", ["NONE", "ALL", None, "maybe", None, "NONE", "ALL"]),
        pl.Series("EndpointStatus", [None, None, None, None, None, "INACTIVE", None]),
    )
    assert drop_repeated(frame)["row_key"].to_list() == [17, 33, 49, 50]


def test_ids_that_differ_in_case_alone_are_one():
    frame = endpoints((16, *PHONE), (17, "P", *PHONE[1:]))
    assert drop_repeated(frame)["row_key"].to_list() == [16]


def test_one_id_of_two_addresses_is_left_for_the_run_to_resolve():
    frame = endpoints((16, *PHONE), (17, "p", "EMAIL", "ana@example.com"))
    assert drop_repeated(frame).equals(frame)


def test_endpoints_without_an_id_are_not_the_same():
    frame = endpoints((16, None, None, "x"), (17, None, None, "x"))
    assert drop_repeated(frame).equals(frame)


def test_every_record_is_listed():
    rows = pl.DataFrame({"row_key": [16, 32, 48]})
    ids = pl.DataFrame({"row_key": [17, 18, 48], "endpoint_id": ["a", "b", None]})
    assert list_endpoints(rows, ids).rows() == [(17, "a"), (18, "b"), (32, None), (48, None)]


def test_what_the_mapping_has_told_is_not_told_again():
    def found(*rows):
        return pl.DataFrame(rows, FOUND_SCHEMA, orient="row")

    told = found((16, "OptOut", "mapping.value_unknown", "x"))
    again = found(
        (16, "Address", "address.missing", None),
        (16, "OptOut", "opt_out.unknown", "x"),
        (17, "OptOut", "opt_out.unknown", "x"),
    )
    assert drop_explained(again, told).rows() == [again.row(0), again.row(2)]
    assert drop_explained(again, found()).equals(again)
