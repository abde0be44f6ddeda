"""What the SDK lacks, one gap a file."""
