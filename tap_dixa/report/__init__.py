"""The report of a connection test (``--test``)."""
