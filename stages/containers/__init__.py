"""Commands in Docker containers: images, permissions, supervision. Independent of DVC, stages and models."""
