"""Timings of the parts that decide how long a run takes."""
