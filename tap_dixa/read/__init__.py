"""Read what Dixa has, in batches that can be emitted."""
