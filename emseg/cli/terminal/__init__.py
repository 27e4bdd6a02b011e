"""The two consoles, columns, tables and meters."""
