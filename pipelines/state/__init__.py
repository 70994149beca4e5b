"""The sync state: one record for each endpoint that a service took, as files that are replaced whole."""
