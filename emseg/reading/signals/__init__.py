"""What a reader hands over, and what its axes, sizes and values mean."""
