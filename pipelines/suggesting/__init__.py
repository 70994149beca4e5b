"""Suggesting a mapping from header names and a sample of values; pure, no I/O."""
