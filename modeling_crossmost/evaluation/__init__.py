"""Predictions, metrics, prompts, and the tables and pictures of results."""
