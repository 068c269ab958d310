"""The order of the data: which sequences make up each optimiser step.

The same as the native engine's (Sources/Training/BatchStream.swift and Trainer.swift), whatever the number of processes:
an epoch's sequences are shuffled by SplitMix64 and Swift's `shuffle`, and a step takes parts of at most `micro` tokens until it has
about `batch` tokens.
"""
MASK = (1 << 64) - 1


class SplitMix64:
    """Steele, Lea & Flood 2014; Sources/Numerics/SeededRandom.swift."""

    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        """64 random bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        """A number of 0 ..< bound, by Lemire's method, as Swift's standard library draws it."""
        product = self.next() * bound
        if product & MASK < bound:
            least = (-bound & MASK) % bound
            while product & MASK < least:
                product = self.next() * bound
        return product >> 64


def shuffled(count, seed):
    """0 ..< count in the order that Swift's `shuffle(using:)` gives."""
    random, order = SplitMix64(seed), list(range(count))
    for at in range(count - 1):
        other = at + random.below(count - at)
        order[at], order[other] = order[other], order[at]
    return order


class Stream:
    """An endless stream of steps over sets of sequences, one set for each epoch, taken in turn."""

    def __init__(self, lengths, seed, batch, micro, epoch=0, used=0):
        """`lengths` has the lengths of the sequences of each set; `epoch` and `used` say where to go on."""
        self.lengths, self.seed, self.batch, self.micro = lengths, seed, batch, micro
        self.epoch, self.used, self.loaded, self.order = epoch, used, -1, []

    @property
    def epochs(self):
        """Epochs used up, with the fraction of the current one."""
        return self.epoch + (self.used / len(self.order) if self.order else 0)

    def step(self):
        """[(set, index in the set, length)] of the next step; empty only where there is no sequence at all."""
        chosen, tokens = [], 0
        while tokens < self.batch:
            part = self._part()
            if not part:
                break
            chosen += part
            tokens += sum(length for _, _, length in part)
            if tokens + self.micro // 2 > self.batch:
                break
        return chosen

    def _part(self):
        part, size, empty = [], 0, 0
        while empty < 2:
            self._load()
            lengths = self.lengths[self.epoch % len(self.lengths)]
            before, began = len(part), self.used
            while self.used < len(self.order):
                index = self.order[self.used]
                length = int(lengths[index])
                if length > 0:
                    if part and size + length > self.micro:
                        return part
                    part.append((self.epoch % len(self.lengths), index, length))
                    size += length
                self.used += 1
            # An epoch that was entered at its beginning and gave nothing.
            empty = empty + 1 if len(part) == before and began == 0 else 0
            self.epoch, self.used = self.epoch + 1, 0
        return part

    def _load(self):
        if self.loaded != self.epoch:
            self.loaded = self.epoch
            count = len(self.lengths[self.epoch % len(self.lengths)])
            self.order = shuffled(count, self.seed * 1_000_003 + self.epoch)
