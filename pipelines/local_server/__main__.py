"""`python -m pipelines.local_server`: one line of JSON on stdout when it is ready, then service."""

import argparse
import json
import os
import sys
from pathlib import Path

from pipelines.errors import ConfigurationError
from pipelines.local_server.options import ServerOptions
from pipelines.local_server.serving import run_server


def main() -> int:
    """Serve until stopped; the return value is the exit code."""
    parser = _parser()
    given = parser.parse_args()
    options = ServerOptions(
        host=given.host,
        port=given.port,
        db=given.db,
        applications=tuple(given.app),
        credentials=given.credentials,
        verbose=given.verbose,
    )
    stdin = None
    if given.exit_with_stdin:
        # Unbuffered: a daemon thread inside a buffered read would hold its lock at exit.
        stdin = os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    try:
        run_server(options, _announce, stdin=stdin)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


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
        "--exit-with-stdin", action="store_true", help="stop when standard input ends"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
