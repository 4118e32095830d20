"""Commands in Docker containers: which image, what it may do, how it ends. Knows no DVC, no stage and no model."""
