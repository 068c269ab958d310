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

import torch
import torch.nn.functional as F

import shards
from head import chunked_loss
from model import Config, Gemma3
from tokenizer import EOS, MIX

MUON_RATE, EMBED_RATE, NORM_RATE, DECAY = 0.02, 0.003, 0.004, 0.05
# One token in twelve belongs to a middle and one in four hundred ends one, yet they are what the model is for: tokens of
# middles have weight 1, ends END_WEIGHT, all other text the first of these and, while the rate falls, ever more of the second.
#
# Suffix first, a prefix goes over into its middle without a mark. Text around middles therefore never competes with the
# end token: else each line of each prefix would teach that nothing ends there, thirty times as often as an end is seen.
AROUND_WEIGHT, AROUND_WEIGHT_LATE, END_WEIGHT = 0.4, 0.12, 2.0
WARMUP, HOLD = 0.01, 0.30  # fractions of the time


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
        if pool is None:
            for job, *arguments in work:
                job(*arguments)
        else:
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

    @torch.no_grad()
    def begin_at(self, weights):
        """Takes weights, without the moments of the run that made them."""
        for name, value in weights.items():
            self.master[name].copy_(value)
            self.live[name].copy_(value)

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


def rate_at(fraction, hold=HOLD):
    if fraction < WARMUP:
        return (fraction + 1e-3) / (WARMUP + 1e-3)
    return 1.0 if fraction < hold else max(0.0, (1 - fraction) / (1 - hold))


def around_at(fraction, early, late, hold=HOLD):
    """Loss weight of text around middles: language first, the task in the end."""
    return early + (late - early) * min(1.0, max(0.0, (fraction - hold) / (0.9 - hold)))


def save(path, value):
    part = path.with_suffix(".part")
    torch.save(value, part)
    os.replace(part, path)


@torch.no_grad()
def heldout_loss(model, items, device):
    """Of held-out middles: loss in nats per byte, mean loss of their end tokens, share of the ends where the end token is
    the likeliest, and share of the middles in which it is so nowhere earlier."""
    nats, end_nats, ends, unbroken, size = 0.0, 0.0, 0, 0, 0
    for ids, middle, count in items:
        row = torch.from_numpy(ids).to(device)[None]
        logits = model.logits(model.model(row)[0, middle - 1:-1]).float()
        loss, stops = F.cross_entropy(logits, row[0, middle:], reduction="none"), logits.argmax(1) == EOS
        nats, end_nats, size = nats + float(loss[:-1].sum()), end_nats + float(loss[-1]), size + count
        ends, unbroken = ends + int(stops[-1]), unbroken + int(not stops[:-1].any())
    many = len(items)
    return dict(heldout_nats_per_byte=round(nats / size, 4), heldout_end_nats=round(end_nats / many, 3),
                heldout_ends=round(ends / many, 3), heldout_unbroken=round(unbroken / many, 3))


def open_mix(options, device, position):
    folder = options.dir / "shards"
    sets = {name: shards.ShardSet.named(folder, name) for name in MIX}
    sets = {name: found for name, found in sets.items() if found}
    if not sets:
        raise SystemExit(f"train: no shards in {folder}; run carve.py first")
    return shards.Mix(sets, MIX, options.micro, options.longest, options.end, position=position,
                      multiple=64 if device == "cuda" else 1)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--steps", type=int, help="train for so many steps instead; the rate is then a function of the step")
    parser.add_argument("--stop-after", type=int, help="stop, as Ctrl-C does, after this step of the whole run")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["bf16", "f32"], default="bf16")
    parser.add_argument("--micro", type=int, default=2048, help="tokens in a micro-batch")
    parser.add_argument("--workers", type=int, default=1, help="micro-batches at a time; on a CPU: the cores, with OMP_NUM_THREADS=1")
    parser.add_argument("--batch", type=int, default=5000, help="tokens in a step at first; half as many again by the end")
    parser.add_argument("--longest", type=int, default=1024, help="longer sequences are left out")
    parser.add_argument("--around", type=float, default=AROUND_WEIGHT, help="loss weight of text around middles at first")
    parser.add_argument("--around-late", type=float, default=AROUND_WEIGHT_LATE, help="and at last")
    parser.add_argument("--end", type=float, default=END_WEIGHT, help="loss weight of end tokens")
    parser.add_argument("--peak", type=float, default=1.0, help="factor of all learning rates")
    parser.add_argument("--hold", type=float, default=HOLD, help="fraction of the time after which the rate falls")
    parser.add_argument("--warm", type=pathlib.Path, help="checkpoint to take the first weights from")
    parser.add_argument("--held-every", type=float, default=8, help="minutes between held-out losses")
    parser.add_argument("--held", type=int, default=128, help="held-out middles")
    parser.add_argument("--config", type=pathlib.Path, help="JSON of Config fields (config-cuda.json, tiny tests)")
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


class Trainer:
    """One run: model, optimiser, data, clock, log."""

    def __init__(self, options):
        torch.manual_seed(1)
        self.options, self.device = options, options.device
        dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
        self.config = Config(**json.loads(options.config.read_text())) if options.config else Config()
        self.model = Gemma3(self.config).to(self.device)
        if options.longest > self.config.max_position_embeddings:
            raise SystemExit("train: --longest is beyond the model's positions")
        self.optimiser = Optimiser(self.model)
        self.model.to(dtype)
        self.optimiser.live = dict(self.model.named_parameters())
        self.out = options.dir / "train"
        self.out.mkdir(exist_ok=True)
        self.checkpoint = self.out / "checkpoint.pt"
        self.clock, self.seen, self.warm, position = 0.0, 0, None, None
        if self.checkpoint.exists():
            saved = torch.load(self.checkpoint, map_location=self.device)
            self.optimiser.load(saved["optimiser"])
            self.clock, self.seen, self.warm, position = saved["clock"], saved["seen"], saved.get("warm"), saved["position"]
            print(f"resumed at {self.clock / 60:.1f} minutes, {self.seen / 1e6:.2f} M tokens", flush=True)
        elif options.warm:
            saved = torch.load(options.warm, map_location=self.device)
            self.optimiser.begin_at(saved["optimiser"]["master"])
            self.warm = dict(tokens_seen=saved["seen"], minutes=round(saved["clock"] / 60, 1))
            print(f"begun with weights that saw {saved['seen'] / 1e6:.2f} M tokens", flush=True)
        mix = open_mix(options, self.device, position)
        self.batches = shards.Prefetch(mix, depth=16, pin=self.device == "cuda")
        held = shards.ShardSet.named(options.dir / "shards", "heldout")
        self.held = shards.heldout(held, options.held, options.longest) if held else []
        self.body = torch.compile(self.model.model, dynamic=True) if options.compile else self.model.model
        self.weight, self.parameters = self.model.model.embed_tokens.weight, list(self.model.parameters())
        self.pool = concurrent.futures.ThreadPoolExecutor(options.workers)

    def state(self):
        return dict(optimiser=self.optimiser.state(), clock=self.clock, seen=self.seen, config=vars(self.config), warm=self.warm,
                    position=self.batches.position, epochs=self.batches.epochs, tokens=self.batches.position["tokens"],
                    settings={name: getattr(self.options, name) for name in ("micro", "batch", "longest", "around", "around_late", "end", "peak", "hold")})

    def gradient(self, part, around, total_weight):
        """Adds the gradient of one micro-batch; its summed loss."""
        ids, targets, weights, inside = (tensor.to(self.device, non_blocking=True) for tensor in part)
        targets, inside = targets.reshape(-1), inside.reshape(-1)
        keep = torch.nonzero(targets >= 0).squeeze(1)
        hidden = self.body(ids).reshape(-1, self.config.hidden_size)[keep]
        weights = torch.where(inside, weights.reshape(-1), weights.reshape(-1) * around)[keep] / total_weight
        piece = chunked_loss(hidden, self.weight, targets[keep], weights, ~inside[keep], EOS,
                             rows=384 if self.device == "cpu" else 8192)
        self.optimiser.gather(torch.autograd.grad(piece, self.parameters))
        return piece.detach()

    def step(self, fraction):
        """One step of the optimiser: what the log says of it."""
        want = self.options.batch * (1 if fraction < 0.6 else 1.25 if fraction < 0.85 else 1.5)
        micro, tokens = [], 0
        while tokens < want * 0.94:
            micro.append(self.batches.next())
            tokens += int((micro[-1][0] != 0).sum())
        around = around_at(fraction, self.options.around, self.options.around_late, self.options.hold)
        count = sum(int((targets >= 0).sum()) for _, targets, _, _ in micro)
        total_weight = sum(float(weights[inside].sum() + around * weights[~inside].sum()) for _, _, weights, inside in micro)
        began = time.monotonic()
        parts = sorted(micro, key=lambda part: -part[0].numel())
        if self.device == "cuda":
            losses = [self.gradient(part, around, total_weight) for part in parts]
        else:
            losses = list(self.pool.map(lambda part: self.gradient(part, around, total_weight), parts))
        rate = rate_at(fraction, self.options.hold) * self.options.peak
        norm = self.optimiser.step(rate, self.pool if self.device == "cpu" else None)
        self.seen += tokens
        return dict(step=self.optimiser.steps, tokens=self.seen, loss=round(float(sum(losses)) / count, 4), rate=round(rate, 4),
                    norm=round(norm, 3), tokens_per_second=round(tokens / (time.monotonic() - began)))

    def run(self, stop):
        start, total = time.monotonic() - self.clock, self.options.minutes * 60
        saved_at, held_at, window = self.clock, self.clock, []
        with open(self.out / "log.jsonl", "a") as log:
            def write(**row):
                log.write(json.dumps(row) + "\n")
                log.flush()

            def hold_out():
                if self.held:
                    row = heldout_loss(self.model, self.held, self.device)
                    write(minutes=round(self.clock / 60, 2), tokens=self.seen, **row)
                    print("held out:", row, flush=True)

            def done():
                steps = self.options.steps
                return self.optimiser.steps / steps if steps else self.clock / total

            if not self.optimiser.steps:
                hold_out()
            while done() < 1 and not stop:
                row = self.step(done())
                if row["step"] == self.options.stop_after:
                    stop.append(1)
                self.clock = time.monotonic() - start
                write(minutes=round(self.clock / 60, 3), **row)
                window.append(row["loss"])
                if row["step"] % 10 == 0 or row["step"] < 6:
                    print(f"step {row['step']} {self.clock / 60:.1f} min {self.seen / 1e6:.2f} M tokens loss {sum(window) / len(window):.3f} "
                          f"rate {row['rate']:.3f} norm {row['norm']:.2f} {row['tokens_per_second']} tok/s", flush=True)
                    window = []
                if self.clock - held_at > self.options.held_every * 60:
                    hold_out()
                    held_at = self.clock
                if self.clock - saved_at > 150:
                    save(self.checkpoint, self.state())
                    saved_at = self.clock
            if not stop:
                hold_out()
        save(self.checkpoint, self.state())
        self.batches.close()
        print(f"{'stopped' if stop else 'done'}: {self.seen / 1e6:.2f} M tokens in {self.clock / 60:.1f} minutes", flush=True)


def main():
    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(1))
    Trainer(parse()).run(stop)
    if stop:
        raise SystemExit(130)


if __name__ == "__main__":
    main()
