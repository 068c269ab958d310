"""Learning rates over a run; the native engine's (Sources/Training/LearningRateSchedule.swift)."""
import math


def rate(recipe, progress):
    """The rate at `progress`, 0...1 of the run: linear warm-up, then down to `floor` times the highest."""
    if progress < recipe.warm_up:
        return recipe.learning_rate * max(0.02, progress / recipe.warm_up)
    rest = min(1.0, (progress - recipe.warm_up) / max(1e-9, 1 - recipe.warm_up))
    left = {"cosine": 0.5 * (1 + math.cos(math.pi * rest)), "linear": 1 - rest, "constant": 1.0}[recipe.schedule]
    return recipe.learning_rate * (recipe.floor + (1 - recipe.floor) * left)
