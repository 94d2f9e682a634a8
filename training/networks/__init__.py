"""The networks of the built-in model."""
