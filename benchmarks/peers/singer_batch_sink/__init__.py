"""A Singer target on Meltano's SDK."""
