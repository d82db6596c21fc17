"""Official checkpoints of the papers, converted to this model."""
