"""Files: the run directory, its partitions and manifest, and the sources that rows come from."""
