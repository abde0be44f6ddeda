"""A Singer tap for Dixa."""
