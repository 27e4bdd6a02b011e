"""Which signal of a file is taken, and which channels are made of it."""
