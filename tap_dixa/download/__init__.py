"""From a window of time to its records, on disk and in order."""
