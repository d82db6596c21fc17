"""The commands of `crossmost`: one module each, with a `main(argv)` that returns the exit code."""
