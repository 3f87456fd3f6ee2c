"""Waits that grow."""

import random


class Backoff:
    """Exponential, with full jitter: each wait is random between 0 and a bound that doubles."""

    def __init__(self, initial: float, maximum: float) -> None:
        self._initial = initial
        self._maximum = maximum
        self.attempts = 0
        """How many waits there were since the last reset."""

    def next(self) -> float:
        """The next wait, in seconds."""
        bound = min(self._maximum, self._initial * 2 ** min(self.attempts, 30))
        self.attempts += 1
        return random.uniform(0, bound)

    def reset(self) -> None:
        self.attempts = 0
