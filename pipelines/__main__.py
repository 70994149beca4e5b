"""Where the process begins: signals are heard before anything that takes a while is imported."""

from pipelines.terminal.leaving import leave_on_signals


def main() -> None:
    """Run the command line."""
    leave_on_signals()
    from pipelines.cli import main

    main()


if __name__ == "__main__":
    main()
