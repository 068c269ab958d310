"""Train for a given time: Muon on the matrices, AdamW on embeddings and norms, learning rate a function of elapsed
time, so that it has decayed to zero when the time is over whatever the throughput was. Resumes from its checkpoint."""
import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import signal
import threading
import time

import numpy
import torch

from head import chunked_loss
from model import Config, Gemma3
from tokenizer import PREFIX, SUFFIX

POOL = 2048  # examples sorted by length together, so that rows of a micro-batch need little padding
MUON_RATE, EMBED_RATE, NORM_RATE, DECAY = 0.02, 0.003, 0.004, 0.05
# Only one token in ten belongs to a middle and one in four hundred ends one, yet they are what the model is for:
# in the last part of the time they weigh more.
FOCUS_FROM, MIDDLE_WEIGHT, END_WEIGHT = 0.66, 3.0, 8.0
WARMUP, HOLD = 0.01, 0.30  # fractions of the time


class Batches:
    """Micro-batches of about `size` tokens, rows of similar length; position (pool, index) can be saved."""

    def __init__(self, folder, size, position=(0, 0)):
        self.tokens = numpy.load(folder / "tokens.npy", mmap_mode="r")
        self.offsets = numpy.load(folder / "offsets.npy")
        self.middles = numpy.load(folder / "middles.npy")
        self.size, (self.pool, self.index) = size, position
        self.plan = self.plan_pool(self.pool)

    def plan_pool(self, pool):
        count = len(self.offsets) - 1
        first = pool * POOL % count
        lengths = numpy.diff(self.offsets[first:first + POOL + 1])
        groups, group = [], []
        for n in numpy.argsort(lengths, kind="stable"):
            if group and (len(group) + 1) * max(lengths[n], 16) > self.size:
                groups.append(group)
                group = []
            group.append(first + int(n))
        groups.append(group)
        order = numpy.random.default_rng(pool).permutation(len(groups))
        return [groups[n] for n in order]

    def next(self):
        if self.index >= len(self.plan):
            self.pool, self.index = self.pool + 1, 0
            self.plan = self.plan_pool(self.pool)
        rows = self.plan[self.index]
        self.index += 1
        return to_tensors([self.tokens[self.offsets[n]:self.offsets[n + 1]] for n in rows], self.middles[rows])

    @property
    def epochs(self):
        return self.pool * POOL / (len(self.offsets) - 1)


def to_tensors(rows, middles):
    """Padded ids, targets and weights. No loss on pads, sentinels and the path line of FIM examples."""
    length = max(map(len, rows))
    ids = numpy.zeros((len(rows), length), numpy.int64)
    targets = numpy.full((len(rows), length), -1, numpy.int64)
    weights = numpy.ones((len(rows), length), numpy.float32)
    for n, row in enumerate(rows):
        ids[n, :len(row)] = row
        after = numpy.array(row[1:], numpy.int64)
        after[(after >= PREFIX) & (after <= SUFFIX)] = -1
        start = numpy.flatnonzero(row[:60] == PREFIX)
        if len(start):
            after[:start[0]] = -1
            weights[n, len(row) - 2 - int(middles[n]):len(row) - 2] = MIDDLE_WEIGHT
            weights[n, len(row) - 2] = END_WEIGHT
        targets[n, :len(row) - 1] = after
    return torch.from_numpy(ids), torch.from_numpy(targets), torch.from_numpy(weights)


def orthogonalise(g, steps=5):
    """Newton-Schulz iteration of Muon on a stack of matrices."""
    x = g.bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.float().norm(dim=(-2, -1), keepdim=True).to(x.dtype) + 1e-7)
    for _ in range(steps):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * (a @ a)) @ x
    return (x.mT if tall else x).float()


class Optimiser:
    """float32 masters of a model that computes in another precision; gradients are accumulated in float32."""

    def __init__(self, model):
        self.model = model
        self.names = [name for name, _ in model.named_parameters()]
        self.live = dict(model.named_parameters())
        self.master = {name: p.detach().float().clone() for name, p in self.live.items()}
        self.gradient = {name: torch.zeros_like(m) for name, m in self.master.items()}
        self.first = {name: torch.zeros_like(m) for name, m in self.master.items()}
        self.second = {name: torch.zeros_like(m) for name, m in self.master.items() if not self.is_matrix(name)}
        self.steps, self.lock = 0, threading.Lock()

    def is_matrix(self, name):
        return self.master[name].dim() == 2 and "embed" not in name

    def gather(self, gradients):
        with self.lock:
            for gradient, new in zip(self.gradient.values(), gradients):
                gradient += new

    @torch.no_grad()
    def step(self, rate, pool):
        self.steps += 1
        norm = math.sqrt(sum(float(g.square().sum()) for g in self.gradient.values()))
        shrink = min(1.0, 1.0 / (norm + 1e-9)) if math.isfinite(norm) else 0.0
        stacks, work = {}, []
        for name, gradient in self.gradient.items():
            gradient *= shrink
            if self.is_matrix(name):
                stacks.setdefault(tuple(gradient.shape), []).append(name)
            else:
                work.append((self.adam, [name], rate))
        for names in stacks.values():
            work += [(self.muon, names[n:n + 6], rate) for n in range(0, len(names), 6)]
        work.sort(key=lambda job: -sum(self.master[name].numel() for name in job[1]))
        for done in [pool.submit(*job) for job in work]:
            done.result()
        for name, p in self.live.items():
            p.copy_(self.master[name])
            self.gradient[name].zero_()
        return norm

    @torch.no_grad()
    def adam(self, names, rate):
        for name in names:
            gradient, first, second = self.gradient[name], self.first[name], self.second[name]
            first.lerp_(gradient, 0.1)
            second.lerp_(gradient.square(), 0.05)
            step = first / (1 - 0.9 ** self.steps) / ((second / (1 - 0.95 ** self.steps)).sqrt() + 1e-9)
            self.master[name].add_(step, alpha=-rate * (EMBED_RATE if "embed" in name else NORM_RATE))

    @torch.no_grad()
    def muon(self, names, rate):
        for name in names:
            self.first[name].lerp_(self.gradient[name], 0.05)
        updates = orthogonalise(torch.stack([self.gradient[name].lerp(self.first[name], 0.95) for name in names]))
        for name, update in zip(names, updates):
            master = self.master[name]
            master.mul_(1 - rate * MUON_RATE * DECAY)
            master.add_(update, alpha=-rate * MUON_RATE * max(1.0, master.shape[0] / master.shape[1]) ** 0.5)

    def state(self):
        return dict(master=self.master, first=self.first, second=self.second, steps=self.steps)

    @torch.no_grad()
    def load(self, state):
        for part in ("master", "first", "second"):
            for name, value in state[part].items():
                getattr(self, part)[name].copy_(value)
        self.steps = state["steps"]
        for name, p in self.live.items():
            p.copy_(self.master[name])


def rate_at(fraction):
    if fraction < WARMUP:
        return (fraction + 1e-3) / (WARMUP + 1e-3)
    return 1.0 if fraction < HOLD else max(0.0, (1 - fraction) / (1 - HOLD))


def save(path, value):
    part = path.with_suffix(".part")
    torch.save(value, part)
    os.replace(part, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["bf16", "f32"], default="bf16")
    parser.add_argument("--micro", type=int, default=2048, help="tokens in a micro-batch")
    parser.add_argument("--workers", type=int, default=1, help="micro-batches at a time; on a CPU: the cores, with OMP_NUM_THREADS=1")
    parser.add_argument("--batch", type=int, default=5000, help="tokens in a step at first; half as many again by the end")
    parser.add_argument("--config", type=pathlib.Path, help="JSON of Config fields (tiny tests, larger models)")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(1)
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    config = Config(**json.loads(options.config.read_text())) if options.config else Config()
    model = Gemma3(config).to(options.device)
    optimiser = Optimiser(model)
    model.to(dtype)
    optimiser.live = dict(model.named_parameters())
    out = options.dir / "train"
    out.mkdir(exist_ok=True)
    checkpoint, clock, seen, position = out / "checkpoint.pt", 0.0, 0, (0, 0)
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=options.device)
        optimiser.load(saved["optimiser"])
        clock, seen, position = saved["clock"], saved["seen"], tuple(saved["position"])
        print(f"resumed at {clock / 60:.1f} minutes, {seen / 1e6:.2f} M tokens", flush=True)
    batches = Batches(options.dir / "shards", options.micro, position)
    body = torch.compile(model.model, dynamic=True) if options.compile else model.model
    weight, parameters = model.model.embed_tokens.weight, list(model.parameters())
    pool = concurrent.futures.ThreadPoolExecutor(options.workers)
    log = open(out / "log.jsonl", "a")
    start, total, saved_at, window = time.monotonic() - clock, options.minutes * 60, clock, []

    def state():
        return dict(optimiser=optimiser.state(), clock=clock, seen=seen, config=vars(config),
                    position=(batches.pool, batches.index), epochs=batches.epochs)

    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(1))
    while clock < total and not stop:
        fraction = clock / total
        want = options.batch * (1 if fraction < 0.6 else 1.25 if fraction < 0.85 else 1.5)
        micro, count = [], 0
        while count < want * 0.94:
            micro.append(batches.next())
            count += int((micro[-1][1] >= 0).sum())
        focus = fraction >= FOCUS_FROM
        total_weight = sum(float(weights[targets >= 0].sum()) for _, targets, weights in micro) if focus else count
        began = time.monotonic()

        def one(part):
            ids, targets, weights = (tensor.to(options.device) for tensor in part)
            targets = targets.reshape(-1)
            keep = torch.nonzero(targets >= 0).squeeze(1)
            scale = (weights.reshape(-1)[keep] if focus else torch.ones(len(keep), device=keep.device)) / total_weight
            hidden = body(ids).reshape(-1, config.hidden_size)[keep]
            piece = chunked_loss(hidden, weight, targets[keep], scale)
            optimiser.gather(torch.autograd.grad(piece, parameters))
            return float(piece.detach())

        loss = sum(pool.map(one, sorted(micro, key=lambda part: -part[0].numel())))
        rate = rate_at(fraction)
        norm = optimiser.step(rate, pool)
        clock, seen = time.monotonic() - start, seen + sum(int((ids != 0).sum()) for ids, *_ in micro)
        row = dict(step=optimiser.steps, minutes=round(clock / 60, 3), tokens=seen, loss=round(loss / count, 4),
                   rate=round(rate, 4), norm=round(norm, 3), tokens_per_second=round(
                       sum(int((ids != 0).sum()) for ids, *_ in micro) / (time.monotonic() - began)))
        log.write(json.dumps(row) + "\n")
        log.flush()
        window.append(loss / count)
        if optimiser.steps % 10 == 0 or optimiser.steps < 6:
            print(f"step {row['step']} {row['minutes']:.1f} min {seen / 1e6:.2f} M tokens loss {sum(window) / len(window):.3f} "
                  f"rate {rate:.3f} norm {norm:.2f} {row['tokens_per_second']} tok/s", flush=True)
            window = []
        if clock - saved_at > 150:
            save(checkpoint, state())
            saved_at = clock
    save(checkpoint, state())
    print(f"{'stopped' if stop else 'done'}: {seen / 1e6:.2f} M tokens in {clock / 60:.1f} minutes", flush=True)
    if stop:
        raise SystemExit(130)


if __name__ == "__main__":
    main()
