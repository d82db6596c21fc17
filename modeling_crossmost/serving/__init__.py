"""A stranger's file to class probabilities, read in a sandbox."""
