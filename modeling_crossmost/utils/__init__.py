"""What every other room may use: it imports nothing of the package."""
