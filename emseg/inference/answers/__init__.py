"""From probabilities to what is written: thresholds, uncertainty, holes, small objects, numbers."""
