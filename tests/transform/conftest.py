"""Databases and loaders, as the end-to-end tests have them."""

from tests.end_to_end.conftest import load, postgres, project

__all__ = ["load", "postgres", "project"]
