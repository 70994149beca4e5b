"""The sync state: one record for each endpoint that a service took, in files replaced whole."""
