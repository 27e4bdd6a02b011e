"""What is looked at before a reader opens a file: codecs, other files, gaps, weight."""
