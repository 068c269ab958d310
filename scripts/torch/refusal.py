"""The one kind of error that a user can do something about: it ends a run with one line."""


class Refusal(Exception):
    """What is wrong, where, and what to do next, in one line."""
