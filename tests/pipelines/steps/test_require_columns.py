import pytest

from pipelines.errors import SourceError
from pipelines.steps.require_columns import require_columns
from schemas.mapping import Mapping

NO_HEADER = (
    "Its first line seems to be data: if it is, give --no-header, and a mapping that names the "
    "columns (`header`)."
)


@pytest.mark.parametrize(
    ("header", "has_channel"),
    [
        pytest.param(["Id", "ChannelType", "Address"], False, id="all"),
        pytest.param([" address ", "CHANNELTYPE"], False, id="case-and-spaces"),
        pytest.param(["Address"], True, id="channel-known"),
        pytest.param(["Address", "ChannelType", "Note", "Note"], False, id="unmapped-repeated"),
        pytest.param(["Address", "ChannelType", "Attributes.a", "Attributes.a"], False, id="lists"),
        pytest.param(["Address", "ChannelType", "ann@example.com"], False, id="personal-name"),
    ],
)
def test_a_header_that_makes_endpoints_passes(header, has_channel):
    require_columns(header, "a.csv", has_channel=has_channel)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        pytest.param(
            ["Id", "ChannelType", "E-mail"],
            "a.csv has no column Address; its columns are: Id, ChannelType, E-mail. "
            "Rename the column that holds phone numbers, e-mail addresses or tokens to Address: "
            "one row is one address. Or say with --mapping what its columns mean: "
            "`endpoint-import map FILE` suggests a mapping.",
            id="no-address",
        ),
        pytest.param(
            ["Id", "Address"],
            "a.csv has no column ChannelType; its columns are: Id, Address. "
            "Add it, or say with --default-channel what all rows are, such as SMS.",
            id="no-channel",
        ),
        pytest.param(
            ["Address;ChannelType"],
            "a.csv has no column Address: all its columns are one. They seem to be separated by "
            "';': say so with --delimiter, or leave that to be found out.",
            id="semicolons",
        ),
        pytest.param(
            ["Address\tChannelType"],
            "a.csv has no column Address: all its columns are one. They seem to be separated by "
            "'\\t': say so with --delimiter, or leave that to be found out.",
            id="tabs",
        ),
        pytest.param(
            ["1", "EMAIL", "ann@example.com"],
            "a.csv seems to have no header: its first line looks like data "
            "(1, EMAIL, •••@•••••••.•••). Add a line with the names of the columns, "
            "or give --no-header and a mapping that has them.",
            id="no-header",
        ),
        pytest.param(
            ["Id", "+12065550100"],
            "a.csv has no column Address; its columns are: Id, +•••••••••••. "
            "Rename the column that holds phone numbers, e-mail addresses or tokens to Address: "
            "one row is one address. Or say with --mapping what its columns mean: "
            "`endpoint-import map FILE` suggests a mapping. " + NO_HEADER,
            id="personal-name",
        ),
        pytest.param(
            ["Id", "id", "Address", "ChannelType"],
            "a.csv has the column Id more than once, but it holds one value. "
            "Only Attributes.* and User.UserAttributes.* may be repeated.",
            id="repeated",
        ),
        pytest.param(
            ["Address", "ChannelType", "Metrics.a", "Metrics.a"],
            "a.csv has the column Metrics.a more than once, but it holds one value. "
            "Only Attributes.* and User.UserAttributes.* may be repeated.",
            id="repeated-metric",
        ),
    ],
)
def test_a_header_that_makes_no_endpoints_is_refused(header, says):
    with pytest.raises(SourceError) as caught:
        require_columns(header, "a.csv", has_channel=False)
    assert caught.value.message == says


def test_a_channel_for_all_rows_makes_up_for_no_other_column():
    with pytest.raises(SourceError, match="has no column Address"):
        require_columns(["Id", "ChannelType"], "a.csv", has_channel=True)


def test_only_the_beginning_of_a_long_header_is_told():
    header = [f"column {number} {'x' * 50}" for number in range(20)]
    with pytest.raises(SourceError) as caught:
        require_columns(header, "a.csv", has_channel=False)
    assert f"{'x' * 31}..., column 1 " in caught.value.message
    assert "x..., ... Rename" in caught.value.message
    assert "column 11 " in caught.value.message
    assert "x" * 32 not in caught.value.message
    assert "column 12 " not in caught.value.message


def require_mapped(header, *, has_channel=False, **mapping):
    checked = Mapping.model_validate(mapping)
    require_columns(header, "crm.csv", has_channel=has_channel, mapping=checked)


MAIL = {"name": "mail", "columns": {"Address": "E-mail", "ChannelType": {"constant": "EMAIL"}}}
MOBILE = {"name": "mobile", "columns": {"Address": "Mobile", "ChannelType": {"constant": "SMS"}}}


@pytest.mark.parametrize(
    ("header", "has_channel", "mapping"),
    [
        pytest.param(["E-mail"], True, {"columns": {"Address": "e-mail "}}, id="case-and-spaces"),
        pytest.param(["E-mail", "Mobile"], False, {"endpoints": [MAIL, MOBILE]}, id="endpoints"),
        pytest.param(
            ["Address", "Kind"], False, {"columns": {"ChannelType": "Kind"}}, id="address-as-it-is"
        ),
        pytest.param(
            ["E-mail"],
            True,
            {"columns": {"Address": {"from": ["Mail", "E-mail"], "optional": True}}},
            id="one-of-optional",
        ),
        pytest.param(
            ["Address", "address", "Mail"], True, {"columns": {"Address": "Mail"}}, id="replaced"
        ),
    ],
)
def test_a_mapped_header_that_makes_endpoints_passes(header, has_channel, mapping):
    require_mapped(header, has_channel=has_channel, **mapping)


@pytest.mark.parametrize(
    ("header", "mapping", "says"),
    [
        pytest.param(
            ["Email", "First Name"],
            {"columns": {"Address": "E-mail"}},
            "crm.csv has no column 'E-mail', which the mapping asks for. Did you mean Email? "
            "Change the name in the mapping, or make its rule `optional: true`.",
            id="near-miss",
        ),
        pytest.param(
            ["x", "ann@example.com"],
            {"columns": {"Address": "E-mail"}},
            "crm.csv has no column 'E-mail', which the mapping asks for. Its columns are: x, "
            "•••@•••••••.•••. Change the name in the mapping, or make its rule `optional: true`. "
            + NO_HEADER,
            id="no-near-miss",
        ),
        pytest.param(
            ["Address"],
            {"where": [{"column": "Consent", "equals": "yes"}]},
            "crm.csv has no column 'Consent', which the mapping asks for. Its columns are: "
            "Address. Change the name in the mapping, or make its rule `optional: true`.",
            id="condition",
        ),
        pytest.param(
            ["Mobile"],
            {"columns": {"Address": {"from": "Mobile", "phone_region": "{Country}"}}},
            "crm.csv has no column 'Country', which the mapping asks for. Its columns are: "
            "Mobile. Change the name in the mapping, or make its rule `optional: true`.",
            id="region",
        ),
        pytest.param(
            ["Mail"],
            {"columns": {"Attributes.Mail": "Mail"}},
            "crm.csv has no column Address, and the mapping has no rule for it that fits; its "
            "columns are: Mail. Add one, such as `Address: E-mail`, to each endpoint.",
            id="no-address",
        ),
        pytest.param(
            ["x"],
            {"columns": {"Address": {"from": "Mail", "optional": True}}},
            "crm.csv has no column Address, and the mapping has no rule for it that fits; its "
            "columns are: x. Add one, such as `Address: E-mail`, to each endpoint.",
            id="no-optional-address",
        ),
        pytest.param(
            ["E-mail", "Mobile"],
            {"endpoints": [MAIL, {"name": "mobile", "columns": {"Address": "Mobile"}}]},
            "crm.csv has no column ChannelType, and the mapping has no rule for it. Add one, such "
            "as `ChannelType: {constant: EMAIL}`, to each endpoint, or give --default-channel.",
            id="no-channel-of-one",
        ),
        pytest.param(
            ["E-mail", "Id", "id"],
            {"columns": {"Address": "E-mail", "ChannelType": {"constant": "EMAIL"}}},
            "crm.csv has the column Id more than once, but it holds one value. "
            "Only Attributes.* and User.UserAttributes.* may be repeated.",
            id="repeated",
        ),
    ],
)
def test_a_header_that_a_mapping_does_not_fit_is_refused(header, mapping, says):
    with pytest.raises(SourceError) as caught:
        require_mapped(header, **mapping)
    assert caught.value.message == says


def test_a_preset_is_not_to_be_changed():
    mapping = Mapping.model_validate({"columns": {"Address": "E-mail"}})
    with pytest.raises(SourceError) as caught:
        require_columns(["x"], "crm.csv", has_channel=True, mapping=mapping, preset="hubspot")
    assert caught.value.message == (
        "crm.csv has no column 'E-mail', which the mapping asks for. Its columns are: x. Make a "
        "mapping of the file: `endpoint-import map FILE --preset hubspot -o mapping.yaml`."
    )


def test_one_of_two_columns_of_opt_outs_must_not_hide_the_other():
    mapping = Mapping.model_validate({"columns": {"Address": "Mail", "OptOut": "Unsubscribed"}})
    header = ["Mail", "Unsubscribed", "UNSUBSCRIBED "]
    require_columns(header[:2], "crm.csv", has_channel=True, mapping=mapping)
    require_columns(["Mail", *header[:2]], "crm.csv", has_channel=True, mapping=mapping)
    with pytest.raises(SourceError, match="has the column Unsubscribed more than once"):
        require_columns(
            ["Mail", "unsubscribed", header[2]], "crm.csv", has_channel=True, mapping=mapping
        )
