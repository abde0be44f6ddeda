"""What a connection test reports of Dixa, for a bug report."""
