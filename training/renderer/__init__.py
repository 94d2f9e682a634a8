"""Ray-marched studio photographs of products."""
