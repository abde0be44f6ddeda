"""Windows, downloads, and responses on disk."""
