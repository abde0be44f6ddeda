"""A local Dixa: a server that behaves as the real one does, over data of its own making."""
