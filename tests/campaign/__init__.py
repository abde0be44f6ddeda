"""Random accounts, limits, faults, settings and kills: ``python -m tests.campaign``."""
