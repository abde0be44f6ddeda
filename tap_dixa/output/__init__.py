"""Records that fit their schema, on standard output or in BATCH files."""
