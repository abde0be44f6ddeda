"""A Singer tap that carries a Dixa account's data to any Singer target."""
