"""Sources: from what the user named to frames of numbered records, whatever they are written in."""
