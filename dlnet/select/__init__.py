"""Selection of models by Pareto fronts."""
