"""`python -m pipelines.local_server`: one line of JSON on stdout when it is ready, then service."""

import argparse
import json
import os
import sys
from pathlib import Path

from pipelines.errors import ConfigurationError
from pipelines.local_server.faults import parse_faults, parse_latency, parse_quota
from pipelines.local_server.options import ServerOptions
from pipelines.local_server.serving import run_server


def main() -> int:
    """Serve until stopped; the return value is the exit code."""
    parser = _parser()
    given = parser.parse_args()
    stdin = None
    if given.exit_with_stdin:
        # Unbuffered: a daemon thread inside a buffered read would hold its lock at exit.
        stdin = os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    try:
        run_server(_options(given), _announce, stdin=stdin)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _options(given: argparse.Namespace) -> ServerOptions:
    return ServerOptions(
        host=given.host,
        port=given.port,
        db=given.db,
        applications=tuple(given.app),
        credentials=given.credentials,
        verbose=given.verbose,
        faults=() if given.fault is None else parse_faults(given.fault),
        latency=None if given.latency is None else parse_latency(given.latency),
        quota=None if given.quota is None else parse_quota(given.quota),
        seed=given.seed,
    )


def _announce(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    defaults = ServerOptions()
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.local_server",
        description="A server that speaks the Amazon Pinpoint endpoint API.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--host", default=defaults.host, help="address to listen on")
    parser.add_argument("--port", type=int, default=defaults.port, help="TCP port; 0: a free one")
    parser.add_argument("--db", type=Path, default=defaults.db, help="database file")
    parser.add_argument(
        "--app", action="append", default=[], metavar="ID", help="create this application id"
    )
    parser.add_argument(
        "--credentials",
        type=Path,
        metavar="FILE",
        help="accept only requests signed with a key of this file (AWS credentials form)",
    )
    parser.add_argument("--verbose", action="store_true", help="log requests to stderr")
    parser.add_argument(
        "--fault", metavar="NAME=SHARE,...", help="faults on purpose, such as 429=0.1,reset=0.02"
    )
    parser.add_argument(
        "--latency", metavar="TIME", help="hold answers back, such as 50ms or 10ms-80ms"
    )
    parser.add_argument(
        "--quota", metavar="RATE", help="answer 429 over this many requests, such as 2/s"
    )
    parser.add_argument("--seed", type=int, help="the same faults each time")
    parser.add_argument(
        "--exit-with-stdin", action="store_true", help="stop when standard input ends"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
