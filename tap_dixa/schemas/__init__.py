"""One JSON Schema a stream, named after it."""
