"""What is around every command: options, the process, and how it ends."""
