"""Measurements: this tool beside the script one would write instead, in one run."""
