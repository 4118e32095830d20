"""Distillation: training of students from labels and from a teacher."""
