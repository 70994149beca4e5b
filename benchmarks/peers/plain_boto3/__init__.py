"""The script one writes today."""
