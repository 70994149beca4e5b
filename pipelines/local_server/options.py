"""How to run the server."""

from dataclasses import dataclass
from pathlib import Path

from pipelines.local_server.faults import Fault, Latency


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
    faults: tuple[Fault, ...] = ()
    """Faults that requests which update endpoints meet; shares of at most 1 in all."""
    latency: Latency | None = None
    """How long their answers are held back."""
    quota: float | None = None
    """How many of them may come, in requests per second; above 0."""
    seed: int | None = None
    """Makes chance repeatable; None does not."""

    @property
    def is_rehearsal(self) -> bool:
        """Whether any trouble is asked for."""
        return bool(self.faults) or self.latency is not None or self.quota is not None
