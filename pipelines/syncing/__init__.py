"""Syncing a run with the state of its application: compare, send what is due, retire, record."""
