"""The page of a run, written again."""

from pathlib import Path

import pytest
from page_support import make_manifest, make_summary

from pipelines.errors import RunStateError
from pipelines.storage.run_dir import run_at
from pipelines.terminal.output import Output
from pipelines.terminal.showing import write_unmasked


@pytest.mark.parametrize("content", [None, b"PAR1"], ids=["away", "damaged"])
def test_page_that_cannot_be_made_again_says_what_to_do(
    content: bytes | None, tmp_path: Path
) -> None:
    run = run_at(tmp_path, "one")
    run.issues.parent.mkdir(parents=True)
    if content is not None:
        run.issues.write_bytes(content)
    with pytest.raises(RunStateError, match="Import or check the source again"):
        write_unmasked(run, make_manifest("check"), make_summary("check"), Output())
