"""The JSON Schema of each stream, one file each."""

ADDITIONAL = "additional_properties"
"""The column of each stream for fields that its schema does not have: an object, or null."""
