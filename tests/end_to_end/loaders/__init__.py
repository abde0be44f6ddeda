"""Loaders from the index, fed with all streams: docs/loaders.md."""
