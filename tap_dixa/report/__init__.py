"""What a run tells: its last lines, and the report of a connection test (``--test``)."""
