"""Objects of S3, against a server: found by listing, and read as the version that was found."""

import gzip
import http.client
import io
import os
import time
import zipfile
from urllib.parse import urlsplit

import polars as pl
import pyarrow.parquet as pq
import pytest
import smart_open.s3
from faulty_proxy import faulty_proxy
from s3_support import BUCKET

from pipelines.errors import SourceError
from pipelines.s3_client import s3_client
from pipelines.sources.base import Packing, SourceFormat
from pipelines.sources.contents import open_content
from pipelines.sources.finding import find_sources
from pipelines.sources.registry import decide_format
from pipelines.sources.stamps import SourceStamp, stamp_source

CSV = b"Id,Address\n1,a@example.com\n"


def names(bucket, *named):
    sources = find_sources([f"{bucket.url}/{name}" for name in named])
    return [source.name.removeprefix(f"{bucket.url}/") for source in sources]


def read(source):
    with open_content(source).open() as file:
        return file.read()


@pytest.fixture
def filled(bucket):
    for name in [
        "d/b.csv",
        "d/a.csv.gz",
        "d/notes.doc",
        "d/.hidden.csv",
        "d/sub/c.csv",
        "d/country=US/plan=pro/x.parquet",
        "d/country=US/plan=pro/_SUCCESS",
        "d/country=US/other/y.csv",
        "d/country=S%C3%A3o/z.csv",
        "d/folder/",
        "d2.csv",
    ]:
        bucket.put(name)
    return bucket


BELOW = ["d/a.csv.gz", "d/b.csv", "d/country=S%C3%A3o/z.csv", "d/country=US/plan=pro/x.parquet"]


@pytest.mark.parametrize(
    ("named", "found"),
    [
        pytest.param(["d/b.csv"], ["d/b.csv"], id="key"),
        pytest.param(["d2.csv", "d/b.csv"], ["d2.csv", "d/b.csv"], id="order of naming"),
        pytest.param(["d/"], BELOW, id="prefix"),
        pytest.param(["d"], BELOW, id="prefix without a slash"),
        pytest.param(["d/*.csv"], ["d/b.csv"], id="pattern"),
        pytest.param(["*/b.c?v"], ["d/b.csv"], id="pattern of a folder"),
        pytest.param(["**/[cx].*"], [*BELOW[3:], "d/sub/c.csv"], id="pattern at any depth"),
        pytest.param(["*.csv"], ["d2.csv"], id="pattern stays in its folder"),
        pytest.param(["d/b.csv", "d/*.csv", "d/"], ["d/b.csv", *BELOW[:1], *BELOW[2:]], id="once"),
    ],
)
def test_what_is_named_is_found_once_and_in_order(filled, named, found):
    assert names(filled, *named) == found


def test_the_folders_of_a_hive_are_columns(filled):
    sources = find_sources([f"{filled.url}/d/"])
    assert [dict(source.partition) for source in sources] == [
        {},
        {},
        {"country": "São"},
        {"country": "US", "plan": "pro"},
    ]


def test_a_key_that_looks_like_a_pattern_is_found(bucket):
    url = bucket.put("x[1]*.csv")
    assert [source.name for source in find_sources([url])] == [url]


@pytest.mark.parametrize("key", ["a b+c%20d#e?f=g&h.csv", "ü/ñ.csv", "a//b.csv", "versionId=1.csv"])
def test_any_key_is_read(bucket, key):
    (source,) = find_sources([bucket.put(key, CSV)])
    assert read(source) == CSV


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("s3://{bucket}/none.csv", "No readable object at or below", id="no key"),
        pytest.param("s3://{bucket}/none*.csv", "No object matches", id="no match"),
        pytest.param("s3://{bucket}/none/", "No readable object at or below", id="no prefix"),
        pytest.param("s3://none-of-ours/x.csv", "Check the bucket's name", id="no bucket"),
        pytest.param("s3://none-of-ours", "Check the bucket's name", id="no bucket, no key"),
        pytest.param("s3:///x.csv", "names no bucket", id="bucket missing"),
        pytest.param("s3://", "names no bucket", id="nothing"),
        pytest.param("s3://bad name!/x.csv", "cannot be the name of an object", id="bad name"),
    ],
)
def test_what_is_not_there_is_refused(bucket, name, says):
    name = name.format(bucket=BUCKET + "/" + bucket.prefix)
    with pytest.raises(SourceError) as caught:
        find_sources([name])
    assert says in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_of_another_format_is_refused(bucket):
    with pytest.raises(SourceError, match=r"the ending \.doc is not supported"):
        find_sources([bucket.put("x.doc")])


def put_many(bucket, names):
    """Put small objects, without what takes a client most of its time: the server signs nothing."""
    connection = http.client.HTTPConnection(urlsplit(os.environ["AWS_ENDPOINT_URL_S3"]).netloc)
    for name in names:
        connection.request("PUT", f"/{BUCKET}/{bucket.prefix}/{name}", b"Id\n1\n")
        assert connection.getresponse().read() == b""
    connection.close()


def test_thousands_of_keys_are_listed_by_a_few_requests(bucket):
    put_many(bucket, [f"p/{number:04}.csv" for number in range(2100)])
    with through_proxy() as faults:
        begun = time.monotonic()
        sources = find_sources([f"{bucket.url}/p/"])
        assert time.monotonic() - begun < 5
        assert len(sources) == 2100
        assert sources == find_sources([f"{bucket.url}/p/*.csv"])
        assert len(faults.requests) == 3 + 1 + 3  # the pattern may be a key
    assert sources[1234].name == f"{bucket.url}/p/1234.csv"
    assert sources[0].version.size_bytes == 5


# -- reading -----------------------------------------------------------------------------------


def put_in_parts(bucket, name, parts):
    key = f"{bucket.prefix}/{name}"
    upload = bucket.client.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    done = [
        {
            "PartNumber": number,
            "ETag": bucket.client.upload_part(
                Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=part
            )["ETag"],
        }
        for number, part in enumerate(parts, start=1)
    ]
    bucket.client.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload={"Parts": done}
    )
    return f"{bucket.url}/{name}"


def test_an_object_of_several_parts_is_read_whole(bucket):
    parts = [os.urandom(5 << 20), os.urandom(6 << 20), os.urandom(1 << 20)]
    (source,) = find_sources([put_in_parts(bucket, "x.csv", parts)])
    assert source.version.etag.endswith('-3"')
    assert source.version.size_bytes == 12 << 20
    assert read(source) == b"".join(parts)
    with open_content(source).open_seekable() as file:
        file.seek(-7, os.SEEK_END)
        assert file.read() == parts[2][-7:]
        file.seek(100)
        assert file.read(50) == parts[0][100:150]


def test_an_empty_object_is_read(bucket):
    (source,) = find_sources([bucket.put("x.csv", b"")])
    assert read(source) == b""
    with open_content(source).open_seekable() as file:
        assert file.seek(0, os.SEEK_END) == 0


def test_a_packed_object_is_unpacked_and_its_content_tells_the_format(bucket):
    content = b"".join(b'{"Id": "%d"}\n' % n for n in range(50_000))
    (source,) = find_sources([bucket.put("export-0001.gz", gzip.compress(content))])
    assert (source.format, source.packing) == (None, Packing.GZIP)
    assert decide_format(source) is SourceFormat.NDJSON
    assert read(source) == content
    with open_content(source).open_seekable() as file:
        file.seek(-14, os.SEEK_END)
        assert file.read() == b'"Id": "49999"}\n'[-14:]


def test_members_of_an_archive_there_are_read_without_a_copy(bucket):
    packed = io.BytesIO()
    large = os.urandom(6 << 20)
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("large.csv", large)
        archive.writestr("country=US/a.csv", CSV)
    url = bucket.put("x.zip", packed.getvalue())
    with through_proxy() as faults:
        first, second = find_sources([url])
        assert [first.name, second.name] == [f"{url}:country=US/a.csv", f"{url}:large.csv"]
        assert dict(first.partition) == {"country": "US"}
        assert read(first) == CSV
        assert len(faults.requests) < 15
    assert read(second) == large


def test_a_parquet_file_is_read_here_and_there(bucket):
    packed = io.BytesIO()
    frame = pl.DataFrame({"Id": [str(n) for n in range(1000)]})
    frame.write_parquet(packed)
    (source,) = find_sources([bucket.put("x.parquet", packed.getvalue())])
    with open_content(source).open_seekable() as file:
        assert pl.DataFrame(pq.ParquetFile(file).read()).equals(frame)


def test_a_stamp_is_enough_to_read_the_same_object_again(bucket):
    (source,) = find_sources([bucket.put("plan=pro/x.csv.gz", gzip.compress(CSV))])
    kept = stamp_source(source).model_dump_json()
    again = SourceStamp.model_validate_json(kept).source
    assert again == source
    assert read(again) == CSV


# -- objects that change, and connections that break ---------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda b: b.put("x.csv", b"0" * (9 << 20)), "has changed since", id="changed"),
        pytest.param(lambda b: b.put("x.csv", b""), "has changed since the run", id="emptied"),
        pytest.param(lambda b: b.delete("x.csv"), "is gone: it was there when", id="deleted"),
    ],
)
@pytest.mark.parametrize("is_seekable", [False, True])
def test_an_object_that_changes_before_it_is_read_is_refused(bucket, change, says, is_seekable):
    (source,) = find_sources([bucket.put("x.csv", b"1" * (9 << 20))])
    change(bucket)
    content = open_content(source)
    with pytest.raises(SourceError) as caught:
        (content.open_seekable() if is_seekable else content.open()).read(1)
    assert str(caught.value).startswith(f"{source.name} {says}")


@pytest.mark.parametrize("is_deleted", [True, False])
def test_an_object_that_changes_while_it_is_read_is_refused(bucket, quick, is_deleted):
    """What was under way is of the old version; what is asked for then would be of the new one."""
    (source,) = find_sources([bucket.put("x.csv", b"1" * (9 << 20))])
    with through_proxy() as faults:
        faults.cuts = [4 << 20]
        with open_content(source).open() as file:
            assert file.read(1 << 20) == b"1" * (1 << 20)
            if is_deleted:
                bucket.delete("x.csv")
            else:
                bucket.put("x.csv", b"2" * (9 << 20))
            says = "is gone" if is_deleted else "has changed since the run began"
            with pytest.raises(SourceError, match=f"{source.name} {says}"):
                file.read()


def test_the_other_half_of_a_file_read_here_and_there_is_of_the_same_version(bucket):
    (source,) = find_sources([bucket.put("x.csv", b"1" * (9 << 20))])
    with open_content(source).open_seekable() as file:
        assert file.read(1) == b"1"
        bucket.put("x.csv", b"2" * (9 << 20))
        with pytest.raises(SourceError, match="has changed since the run began"):
            file.seek(8 << 20)


@pytest.fixture
def quick(monkeypatch):
    """No pause before a connection is made again."""
    monkeypatch.setattr(smart_open.s3.time, "sleep", lambda _: None)


class through_proxy:  # noqa: N801 (reads as a function)
    """Go through a proxy with faults for a `with` block."""

    def __enter__(self):
        self._patch = pytest.MonkeyPatch()
        self._proxy = faulty_proxy(os.environ["AWS_ENDPOINT_URL_S3"])
        url, faults = self._proxy.__enter__()
        self._patch.setenv("AWS_ENDPOINT_URL_S3", url)
        s3_client.cache_clear()
        return faults

    def __exit__(self, *error):
        self._proxy.__exit__(*error)
        self._patch.undo()
        s3_client.cache_clear()


def test_a_connection_that_breaks_is_made_again_for_the_rest(bucket, quick):
    content = os.urandom(9 << 20)
    (source,) = find_sources([bucket.put("x.csv", content)])
    with through_proxy() as faults:
        faults.cuts = [4 << 20, 3 << 20, 0]
        assert read(source) == content
        ranges = [wanted for method, _, wanted in faults.requests if method == "GET"]
    assert len(ranges) == 4
    starts = [int(wanted.removeprefix("bytes=").split("-")[0]) for wanted in ranges]
    assert starts == sorted(starts)
    assert 6 << 20 <= starts[3] <= 7 << 20  # not again from the start


def test_a_connection_that_breaks_again_and_again_is_given_up(bucket, quick):
    (source,) = find_sources([bucket.put("x.csv", b"1" * (1 << 20))])
    with through_proxy() as faults:
        faults.cuts = [0] * 100
        with pytest.raises(SourceError, match=rf"Cannot read {source.name}: .*Try again"):
            read(source)


def test_a_packed_object_that_breaks_is_no_short_file(bucket, quick):
    content = os.urandom(3 << 20)
    (source,) = find_sources([bucket.put("x.csv.gz", gzip.compress(content))])
    with through_proxy() as faults:
        faults.cuts = [1 << 20]
        assert read(source) == content
        faults.cuts = [0] * 100
        with pytest.raises(SourceError, match=f"Cannot read {source.name}"):
            read(source)


def test_missing_permission_is_said(bucket):
    (source,) = find_sources([bucket.put("x.csv", CSV)])
    with through_proxy() as faults:
        faults.is_denied = True
        says = "AccessDenied.*Allow these credentials to list and read there"
        with pytest.raises(SourceError, match=says):
            find_sources([source.name])
        with pytest.raises(SourceError, match=says):
            find_sources([f"{bucket.url}/"])
        with pytest.raises(SourceError, match=says):
            read(source)


def test_a_service_that_is_not_there_is_said(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    s3_client.cache_clear()
    try:
        with pytest.raises(SourceError, match="Check the network, and AWS_ENDPOINT_URL_S3"):
            find_sources([f"{bucket.url}/x.csv"])
    finally:
        s3_client.cache_clear()
