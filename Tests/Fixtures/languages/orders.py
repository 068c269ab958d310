"""Orders and what they cost."""
from __future__ import annotations

import json
from dataclasses import dataclass, field


# A line of an order.
@dataclass
class Line:
    sku: str
    count: int = 1
    tags: list[str] = field(default_factory=list)

    def total(self, prices: dict[str, int]) -> int:
        """Price times count."""
        price = prices.get(self.sku, 0)
        if price < 0 or self.count > 1_000:
            raise ValueError(f"{self.sku} costs {price}")
        elif not self.tags:
            return 0
        return price * self.count


def load(path, *, strict=True):
    with open(path, encoding="utf-8") as file:
        lines = [Line(**entry) for entry in json.load(file)]
    assert lines, "empty"
    while len(lines) > 3:
        lines.pop()
    return {line.sku: line for line in lines if strict}


LIMITS = [1, 2, 3]
print(sorted(load("orders.json").values(), key=lambda line: line.count))
