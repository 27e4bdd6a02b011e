"""Many files through one model: opened, predicted, written, and told what became of each."""
