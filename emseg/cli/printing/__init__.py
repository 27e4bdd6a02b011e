"""What each command prints: tables, sentences and JSON."""
