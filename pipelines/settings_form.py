"""The settings as a form: how Prefect's UI orders and names them for whoever runs a deployment.

Nothing here changes what is taken: an optional setting may be left out or null, as ever.
"""

from typing import Any

ORDER = (
    # what goes where
    *("sources", "application_id", "feed", "sync_mode", "mapping"),
    *("default_country", "default_channel", "phone_check"),
    # when not to send
    *("max_invalid", "max_opt_ins", "allow_opt_in"),
    *("retire", "max_removals", "max_shrink", "max_unidentified"),
    # how it is run
    *("unfinished", "every", "full_refresh", "limit"),
    *("runs_dir", "run_id", "keep_staged", "show_addresses", "state_dir", "no_state"),
    *("rate", "max_in_flight", "partition_rows", "runner", "dask_address"),
    # the service
    *("endpoint_url", "region", "profile", "local"),
    # how the sources are written, if that is not found out
    *("delimiter", "encoding", "quote", "escape", "no_header", "sheet"),
    # of the command line
    *("db", "embedded"),
)
"""What is changed most often comes first; what is not named here comes last."""
_THRESHOLD = r"^\s*[0-9][0-9_.]*\s*%?\s*$"
"""What a share or number of rows looks like; reading it says more of one that is none."""
_WORDS = {"id": "ID", "url": "URL", "db": "Database file", "aws": "AWS"}


def name_field(name: str) -> str:
    """Give the title of a setting."""
    words = [_WORDS.get(word, word) for word in name.split("_")]
    return words[0][:1].upper() + " ".join(words)[1:]


def arrange_form(schema: dict[str, Any]) -> None:
    """Arrange a JSON schema of settings in place: the order of fields, and one input for each.

    Prefect's UI shows a field of two types as a choice of the types. It takes one that is not
    required, and has no default, for one that may be null.
    """
    for name, field in schema["properties"].items():
        field["position"] = ORDER.index(name) if name in ORDER else len(ORDER)
        field["title"] = name_field(name)
        field["description"] = " ".join(field.get("description", "").split())
        kinds = [kind for kind in field.get("anyOf", ()) if kind.get("type") != "null"]
        if len(kinds) == 1 and "type" in kinds[0] and field.get("default", "") is None:
            del field["anyOf"], field["default"]
            field.update(kinds[0])
        if name.startswith("max_") and field.get("type") == "string":
            field["pattern"] = _THRESHOLD
