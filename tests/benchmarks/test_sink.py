"""The sink that clients are measured against: it answers, counts, and loses nothing."""

import http.client
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest

from benchmarks.sink import SinkProcess


@pytest.fixture(scope="module")
def sink():
    with SinkProcess() as process:
        yield process


def put(connection, body):
    connection.request("PUT", "/v1/apps/bench/endpoints", body=body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_requests_and_bytes_are_counted(sink):
    before = sink.count()
    connection = http.client.HTTPConnection(urlsplit(sink.url).netloc)
    bodies = [b"", b"x", b"y" * 60_000, b"z" * 3_000_000]  # the last one is beyond its buffer
    for body in bodies:
        status, answer = put(connection, body)
        assert status == 202
        assert answer.startswith(b'{"Message":"Accepted"')
    connection.close()
    got = sink.count().since(before)
    assert got.requests == len(bodies)
    heads = got.received_bytes - sum(map(len, bodies))
    assert 0 < heads < len(bodies) * 500
    assert sink.count().since(before)[:2] == got[:2]  # asking is not counted


def test_a_head_that_comes_in_pieces_is_one_request(sink):
    before = sink.count()
    connection = http.client.HTTPConnection(urlsplit(sink.url).netloc)
    connection.connect()
    for piece in (b"PUT / HT", b"TP/1.1\r\nContent-Le", b"ngth: 5\r\n\r", b"\nab", b"cde"):
        connection.sock.sendall(piece)
    assert connection.sock.recv(1000).startswith(b"HTTP/1.1 202 ")
    connection.close()
    assert sink.count().since(before)[:2] == (
        1,
        len(b"PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde"),
    )


def test_connections_are_served_at_once(sink):
    before = sink.count()

    def send_some(_):
        connection = http.client.HTTPConnection(urlsplit(sink.url).netloc)
        statuses = {put(connection, b"x" * 50_000)[0] for _ in range(20)}
        connection.close()
        return statuses

    with ThreadPoolExecutor(4) as workers:
        assert list(workers.map(send_some, range(4))) == [{202}] * 4
    assert sink.count().since(before).requests == 80
