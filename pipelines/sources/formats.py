"""Formats: what a name's ending, or else the first bytes, say about how a source is read."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipelines.errors import SourceError
from pipelines.sources.base import Packing, SourceFormat

ENDINGS = {
    **dict.fromkeys((".csv", ".txt", ".tsv", ".tab"), SourceFormat.CSV),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), SourceFormat.NDJSON),
    **dict.fromkeys((".parquet", ".pq"), SourceFormat.PARQUET),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), SourceFormat.ARROW),
    **dict.fromkeys((".xlsx", ".xlsm"), SourceFormat.EXCEL),
}
PACKED_ENDINGS = {".gz": Packing.GZIP, ".bz2": Packing.BZIP2, ".zst": Packing.ZSTD}
ARCHIVE_ENDING = ".zip"
READABLE = (
    "CSV (.csv .txt .tsv .tab), JSON (.json .jsonl .ndjson), Parquet (.parquet .pq), "
    "Arrow (.arrow .feather .ipc) and Excel (.xlsx .xlsm), also packed (.gz .bz2 .zst .zip)"
)
SNIFFED_BYTES = 4096
"""Bytes from the start that tell the format: white space may stand before the first character."""
_MAGIC = {
    b"PAR1": SourceFormat.PARQUET,
    b"ARROW1": SourceFormat.ARROW,
    b"\xff\xff\xff\xff": SourceFormat.ARROW,  # a stream's
    b"PK\x03\x04": SourceFormat.EXCEL,
}
_PACKED_MAGIC = {
    re.compile(rb"\x1f\x8b"): Packing.GZIP,
    re.compile(rb"BZh[1-9]1AY&SY"): Packing.BZIP2,
    re.compile(rb"\x28\xb5\x2f\xfd"): Packing.ZSTD,
}
_BINARY = {
    Packing.GZIP: "gzip-compressed",
    Packing.BZIP2: "bzip2-compressed",
    Packing.ZSTD: "zstd-compressed",
    SourceFormat.PARQUET: "a Parquet file",
    SourceFormat.ARROW: "an Arrow file",
    SourceFormat.EXCEL: "a zip archive (or an Excel workbook)",
}
"""What people call files that are no text."""
_NO_ENDING = re.compile(r"|\.\d.*|\.part")
"""Such as Pinpoint's exports have before .gz; dates and numbers behind a dot are none either."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a source is read, by its name."""

    format: SourceFormat | None = None
    """None: its content tells."""
    packing: Packing | None = None
    is_archive: bool = False
    """It holds sources, and is none itself."""


def read_kind(name: str) -> Kind | None:
    """Say how a file of this name is read; None if it is not."""
    path = PurePosixPath(name)
    ending = path.suffix.lower()
    if ending == ARCHIVE_ENDING:
        return Kind(is_archive=True)
    packing = PACKED_ENDINGS.get(ending)
    if packing is not None:
        ending = PurePosixPath(path.stem).suffix.lower()
        if _NO_ENDING.fullmatch(ending):
            return Kind(packing=packing)
    known = ENDINGS.get(ending)
    return Kind(known, packing) if known else None


def sniff_packing(start: bytes) -> Packing | None:
    """Say by its first bytes what packed a source, if anything did."""
    found = (packing for magic, packing in _PACKED_MAGIC.items() if magic.match(start))
    return next(found, None)


def refuse_binary(start: bytes, name: str, expected: str) -> None:
    """Refuse a file that should be text if its first bytes say what it is instead.

    Args:
        start: Its first bytes.
        name: What to call it in errors.
        expected: What it should be.

    Raises:
        SourceError: It is packed, or of another format.
    """
    what = _BINARY.get(sniff_packing(start) or sniff_format(start))
    if what is not None:
        raise SourceError(f"{name} is {what}, not {expected}. Unpack or convert it first.")


def sniff_format(start: bytes) -> SourceFormat:
    """Say by its first bytes what format a source has: CSV if it is nothing else."""
    for magic, known in _MAGIC.items():
        if start.startswith(magic):
            return known
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return SourceFormat.NDJSON if text.startswith((b"{", b"[")) else SourceFormat.CSV
