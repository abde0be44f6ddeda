"""The command ``tap-dixa-load``: run the tap, and load what it reads into a destination."""
