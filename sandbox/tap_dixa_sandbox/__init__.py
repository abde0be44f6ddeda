"""A local Dixa for development and tests: a server with sample data that behaves as Dixa does."""
