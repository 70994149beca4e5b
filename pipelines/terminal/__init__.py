"""What people see: options, progress and summaries on a terminal."""
