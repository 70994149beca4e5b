"""The script one writes to have the rows checked."""
