"""Prepared pairs: reading, augmentation, batches, and random numbers that depend on keys alone."""
