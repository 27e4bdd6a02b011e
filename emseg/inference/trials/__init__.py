"""What is told of a prediction without making one: memory, time, seams, speed of backends."""
