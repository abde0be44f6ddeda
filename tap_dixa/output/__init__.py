"""From a record as Dixa sends it to a line on standard output or in a BATCH file."""
