"""From --mapping to a mapping, or to an error that says where and what to do."""

import pytest

from pipelines import mapping_files
from pipelines.errors import ConfigurationError
from pipelines.mapping_files import list_presets, load_mapping, read_mapping


def refusal(text):
    with pytest.raises(ConfigurationError) as caught:
        read_mapping(text.encode(), "crm.yaml")
    return caught.value.message


def test_values_are_taken_as_people_write_them():
    mapping = read_mapping(
        b"columns:\n"
        b"  OptOut:\n"
        b"    from: 1\n"
        b"    values: {NO: NONE, 1: ALL, 2026-01-31: ~, on: 0x1F}\n"
        b"  Attributes.A: [a, 2]\n"
        b"  Address: {from: Mail, trim: no}\n"
        b"where: [{column: x, at_least: 1_0.5}]\n".replace(b"1_0.5", b"10.5"),
        "crm.yaml",
    )
    rules = mapping.columns
    assert rules["OptOut"].source == ("1",)
    values = {"NO": "NONE", "1": "ALL", "2026-01-31": None, "on": "0x1F"}
    assert rules["OptOut"].values == values
    assert rules["Attributes.A"].source == ("a", "2")
    assert rules["Address"].trim is False
    assert mapping.all_conditions[0].at_least == 10.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "crm.yaml is empty. docs/mapping.md shows what a mapping holds."),
        ("- a", "crm.yaml, line 1: is to be a table (name: value)."),
        ("\ncolumns: 5", "crm.yaml, line 2: columns: is to be a table (name: value) (it is '5')."),
        ("colums: {}", "crm.yaml, line 1: colums: is not known here. Did you mean columns?"),
        (
            "columns:\n  Address:\n    fron: Mail",
            "crm.yaml, line 3: columns.Address.fron: is not known here. Did you mean from?",
        ),
        (
            "columns:\n  address: Mail",
            "crm.yaml, line 2: columns.address: is no column of an endpoint: write Address "
            "(it is 'Mail').",
        ),
        (
            "endpoints:\n- name: mail\n  columns:\n    Plan: Plan",
            "crm.yaml, line 4: endpoints[1].columns.Plan: is no column of an endpoint: use a "
            "Pinpoint column such as Attributes.<name> (it is 'Plan').",
        ),
        (
            "columns:\n  Address: Mail\n  Location.Citty: Town",
            "crm.yaml, line 3: columns.Location.Citty: is no column of an endpoint: Location.City "
            "is near it, or use Attributes.<name> (it is 'Town').",
        ),
        (
            "where:\n- column: a\n  one_of:\n  - No\n  - ''",
            "crm.yaml, line 5: where[1].one_of[2]: is blank, and no text is: take it out, and ask "
            "for it with `any_of`, in which a condition `blank: true` stands beside this one",
        ),
        (
            "where:\n- column: a\n  equls: b",
            "crm.yaml, line 3: where[1].equls: is not known here. Did you mean equals?",
        ),
        (
            "where:\n- any_of:\n  - column: a\n    matches: (",
            "crm.yaml, line 4: where[1].any_of[1].matches: is no regular expression: unclosed "
            "group (it is '(').",
        ),
        (
            "columns:\n  OptOut:\n    from: a\n    values:\n      no: ALL\n      NO: NONE",
            "crm.yaml, line 6: columns.OptOut.values.NO: is named twice, as case does not matter "
            "(it is 'NONE').",
        ),
        (
            "columns:\n  OptOut: {from: a, values: {\u00e9: ALL, e\u0301: NONE}}",
            "crm.yaml, line 2: columns.OptOut.values.e\u0301: is named twice, as case does not "
            "matter (it is 'NONE').",
        ),
        (
            "columns:\n  Address: {from: a, blank: clera}",
            "crm.yaml, line 2: columns.Address.blank: is to be 'leave' or 'clear' (it is 'clera').",
        ),
        (
            "columns:\n  Address: {from: a, trim: perhaps}",
            "crm.yaml, line 2: columns.Address.trim: is to be true or false (it is 'perhaps').",
        ),
        ("endpoints:\n- columns: {}", "crm.yaml, line 2: endpoints[1]: has no `name`. Add it."),
        (
            "columns:\n  Address: ",
            "crm.yaml, line 2: columns.Address: is to be a table (name: value) (it is nothing).",
        ),
        ("header: [[a]]", "crm.yaml, line 1: header[1]: is to be a text."),
    ],
)
def test_a_fault_is_told_with_line_place_value_and_remedy(text, says):
    assert refusal(text).startswith(says)


def test_long_values_are_not_told_whole():
    assert len(refusal("where: [{column: a, matches: '(" + "x" * 5000 + "'}]")) < 300


def test_a_name_with_an_ending_or_a_slash_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "crm.yml").write_text("ignore: x")
    (tmp_path / "crm").write_text("ignore: y")
    assert load_mapping("crm.yml").ignore == ("x",)
    assert load_mapping("./crm").ignore == ("y",)
    assert load_mapping(None) is None
    with pytest.raises(ConfigurationError) as caught:
        load_mapping("crm")
    assert "There is no preset 'crm'. Presets are: " in caught.value.message
    assert "For the file of this folder write ./crm." in caught.value.message


@pytest.mark.parametrize("name", ["nowhere.yaml", "no/where", "."])
def test_a_file_that_cannot_be_read(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError):
        load_mapping(name)


def test_a_file_is_not_read_beyond_what_a_mapping_may_have(tmp_path):
    path = tmp_path / "endless.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigurationError, match="is larger than 1 MiB"):
        load_mapping(str(path))


def test_presets_are_files_of_the_package(tmp_path, monkeypatch):
    (tmp_path / "shop.yaml").write_text("ignore: Internal*")
    (tmp_path / "notes.md").touch()
    monkeypatch.setattr(mapping_files, "presets_folder", lambda: tmp_path)
    assert list_presets() == ["shop"]
    assert load_mapping("shop").ignore == ("Internal*",)
    with pytest.raises(ConfigurationError) as caught:
        load_mapping("shopp")
    assert caught.value.message == (
        "There is no preset 'shopp'. Did you mean shop? Presets are: shop. "
        "A mapping file is named with its ending, such as crm.yaml."
    )
    with pytest.raises(ConfigurationError, match=r"no preset 'crm'\. Presets are: shop\."):
        load_mapping("crm")


def test_the_case_of_a_preset_does_not_matter():
    assert load_mapping("HubSpot") == load_mapping("hubspot")


def test_every_preset_can_be_read():
    assert all(load_mapping(name) is not None for name in list_presets())
