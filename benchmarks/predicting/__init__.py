"""What `benchmarks.predict` compares: its images, its models, emseg's runs and those of peers.

`peer`, `limit`, `plain` and what they import (`networks`, `windows`) run as scripts, by the Python
that ``--peers`` names: they know nothing of emseg. The other modules belong to the command.
"""
