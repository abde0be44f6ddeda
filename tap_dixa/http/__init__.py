"""Requests to Dixa."""
