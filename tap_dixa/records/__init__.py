"""Make records fit their schema."""
