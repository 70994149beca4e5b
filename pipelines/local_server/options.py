"""How to run the server."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerOptions:
    """How to run the server."""

    host: str = "127.0.0.1"
    """Address to listen on; any other than loopback lets other machines in."""
    port: int = 8765
    """TCP port; 0 takes a free one."""
    db: Path = Path("local-server.sqlite3")
    """The database file, created if absent."""
    applications: tuple[str, ...] = ()
    """Application ids to create if absent."""
    credentials: Path | None = None
    """Keys that requests have to be signed with; None accepts everyone."""
    verbose: bool = False
    """Write a line per request to stderr."""
