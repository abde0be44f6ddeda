"""The JSON Schema of each stream, one file each."""

ADDITIONAL = "additional_properties"
"""The column of each stream for new fields and misfits: an object, or null."""
