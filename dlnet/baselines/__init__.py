"""Models to compare with: trends, ridge, boosting, GRU."""
