"""Databases and loaders, as the end-to-end tests have them."""

from tests.end_to_end.conftest import account_of, load, postgres, project

__all__ = ["account_of", "load", "postgres", "project"]
