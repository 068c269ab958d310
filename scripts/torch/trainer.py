"""The training loop: the native engine's (Sources/Training/Trainer.swift), over as many processes as there are."""
import contextlib
import math
import resource
import signal
import time

import torch

import batches
import checkpoint
import model as models
import parallel
import result
import schedule
import speed
from order import SplitMix64, Stream
from refusal import Refusal
from shards import ShardSet


class Trainer:
    """One run over the team's processes; `report` is None but on the leader."""

    def __init__(self, recipe, folder, team, report):
        self.recipe, self.folder, self.team, self.report = recipe, folder, team, report
        self.model = models.load(recipe, team.device, team.local_rank)
        vocabulary = self.model.get_base_model().get_input_embeddings().weight.shape[0]
        self.sets = [ShardSet(path, vocabulary) for path in recipe.train]
        self.held_out = ShardSet(recipe.held_out, vocabulary) if recipe.held_out else None
        self.factors = models.factors(self.model)
        self.trained = list(self.factors.values())
        loss = models.WeightedLoss(self.model)
        self.spread = parallel.spread(loss, team, recipe.engine.sharding)
        self.call = torch.compile(self.spread.module) if recipe.engine.compile else self.spread.module
        self.optimizer = _optimizer(recipe, self.factors)
        self.autocast = team.device.type == "cuda" and recipe.engine.base_type != "f32"
        self.evaluation_seconds = 0.0
        self.stop_requested = False

    def run(self, resume):
        """Trains until the budget is used up or a signal or the file `stop` ends it; whether it is finished."""
        position = checkpoint.Position()
        if resume:
            position = checkpoint.read(self.folder, self.recipe.identity, self.factors, self.optimizer)
        stream = Stream([part.lengths for part in self.sets], self.recipe.seed, self.recipe.batch_tokens,
                        self.recipe.micro_batch_tokens, position.epoch, position.used)
        if self.report:
            self.report.begin(position.step)
        self._listen()
        started = saved = time.monotonic()
        before = position.elapsed
        if position.base_loss is None:
            position.base_loss = self._held_out_loss()
        speed_now, fraction = 0.0, 0.0
        while True:
            stop, fraction = self._steer(position, stream)
            if stop or fraction >= 1:
                break
            began = time.monotonic()
            loss, norm, rate, tokens = self._step(stream, position.step, fraction)
            position.step += 1
            position.tokens += tokens
            position.epoch, position.used = stream.epoch, stream.used
            position.elapsed = before + time.monotonic() - started
            position.losses.append(loss)
            now = tokens / max(1e-9, time.monotonic() - began)
            speed_now = now if speed_now == 0 else 0.8 * speed_now + 0.2 * now
            if self.report:
                self._tell(position, stream, loss, norm, rate, speed_now)
                if time.monotonic() - saved > self.recipe.engine.checkpoint_seconds:
                    self._save(position)
                    saved = time.monotonic()
        return self._end(position, fraction >= 1, speed_now)

    # ------------------------------------------------------------ a step

    def _step(self, stream, number, fraction):
        """(mean weighted loss, gradient norm, learning rate, tokens) of one optimiser step."""
        items = stream.step()
        if not items:
            raise Refusal("no training examples: the dataset has no sequence")
        engine, team = self.recipe.engine, self.team
        plan = batches.plan(items, team.size, self.recipe.micro_batch_tokens, engine.packing)
        weight = sum(float(self.sets[part].sequence(index)[1].sum()) for part, index, _ in items)
        self.optimizer.zero_grad(set_to_none=True)
        total = 0.0
        mine = plan[team.rank]
        for place, group in enumerate(mine):
            self._seed(number, place)
            batch = self._batch(self.sets, group)
            with self.spread.waiting() if place + 1 < len(mine) else contextlib.nullcontext():
                loss = self._loss(batch)
                (loss * (self.spread.scale / max(weight, 1e-30))).backward()
            total = total + loss.detach()
        self.spread.exchange(self.trained)
        norm = float(torch.nn.utils.clip_grad_norm_(self.trained, self.recipe.maximum_norm))
        (total,) = team.sums(float(total))
        loss = total / max(weight, 1e-30)
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise Refusal(f"the loss is not a number at step {number}; train with a lower learning rate")
        rate = schedule.rate(self.recipe, fraction)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        self.optimizer.step()
        return loss, norm, rate, sum(length for *_, length in items)

    def _loss(self, batch):
        with torch.autocast("cuda", torch.bfloat16, enabled=self.autocast):
            return self.call(batch.ids, batch.positions, batch.places, batch.targets, batch.weights, batch.excluded)

    def _batch(self, sets, group):
        return batches.Batch([sets[part].sequence(index)[:3] for part, index, _ in group], self.team.device,
                             self.recipe.engine.packing)

    def _seed(self, step, place):
        """Dropout draws by what it is for, so that a resumed run draws the same."""
        if self.recipe.dropout > 0:
            source = SplitMix64(self.recipe.seed)
            for number in (step, self.team.rank, place):
                source.state ^= number * 0x9E3779B97F4A7C15
                source.state = source.next()
            torch.manual_seed(source.state >> 1)

    # ------------------------------------------------------------ held-out loss

    def _held_out_loss(self):
        """Loss of middles and end tokens in nats per byte of middle; None without held-out examples."""
        if not self.held_out or not len(self.held_out):
            return None
        started = time.monotonic()
        items = [(0, index, int(length)) for index, length in enumerate(self.held_out.lengths) if length > 0]
        plan = batches.plan(items, self.team.size, self.recipe.micro_batch_tokens, self.recipe.engine.packing)
        total, size = 0.0, 0
        self.model.eval()
        with torch.no_grad():
            for group in plan[self.team.rank]:
                sequences = [self.held_out.sequence(index) for _, index, _ in group]
                # A measured loss counts every token once, whatever training stresses.
                held = [(ids, (weights != 0).astype(weights.dtype), middle) for ids, weights, middle, _ in sequences]
                batch = batches.Batch(held, self.team.device, self.recipe.engine.packing)
                total += float(self._loss(batch))
                size += sum(one[3] for one in sequences)
        self.model.train()
        total, size = self.team.sums(total, size)
        self.evaluation_seconds = time.monotonic() - started
        return total / max(1, size)

    # ------------------------------------------------------------ the run around the steps

    def _listen(self):
        """SIGTERM and Ctrl-C end the run after the step that is being made."""
        def note(number, frame):
            self.stop_requested = True
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, note)

    def _steer(self, position, stream):
        """(whether to stop, share of the budget that is used), the same on every process."""
        budget = self.recipe.budget
        if budget.steps:
            fraction = position.step / budget.steps
        elif budget.epochs:
            fraction = stream.epochs / budget.epochs
        else:
            fraction = position.elapsed / max(1e-9, budget.seconds - self.evaluation_seconds)
        asked = self.stop_requested or self.team.leads and (self.folder / "stop").exists()
        # The leader's clock counts.
        stop, fraction = self.team.most(float(asked), min(1.0, fraction) if self.team.leads else 0.0)
        return stop > 0, fraction

    def _tell(self, position, stream, loss, norm, rate, tokens_per_second):
        budget = self.recipe.budget
        done = (position.step / budget.steps if budget.steps else stream.epochs / budget.epochs if budget.epochs
                else position.elapsed / budget.seconds)
        done = min(1.0, done)
        self.report.step(
            {"step": position.step, "loss": loss, "gradient_norm": norm, "learning_rate": rate,
             "tokens": position.tokens, "tokens_per_second": tokens_per_second, "seconds": position.elapsed,
             "epochs": stream.epochs}, done, position.elapsed * (1 - done) / max(1e-9, done))

    def _save(self, position):
        checkpoint.write(self.folder, self.recipe.identity, position, self.factors, self.optimizer)

    def _end(self, position, finished, tokens_per_second):
        if self.report:
            self._save(position)
        if not finished:
            if self.report:
                self.report.say("stopped", step=position.step)
            return False
        held_out = self._held_out_loss()
        metrics = {"base_validation_loss_per_byte": position.base_loss,
                   "adapter_validation_loss_per_byte": held_out, "tokens_per_second": tokens_per_second,
                   "engine": f"torch {torch.__version__}", "processes": self.team.size, "device": _name(self.team.device),
                   "peak_megabytes": _peak_megabytes(self.team.device)}
        if self.report:
            metrics.update(speed.share_of_peak(self.model, tokens_per_second, self.team.size, self.team.device))
            target = self.folder / "result"
            result.write(target, self.recipe, self.model, self.factors, position, metrics)
            checkpoint.path(self.folder).unlink(missing_ok=True)
            self.report.say("finished", steps=position.step, tokens=position.tokens, seconds=position.elapsed,
                            result=str(target), **metrics)
        return True


def _optimizer(recipe, factors):
    """AdamW over the factors; B has a rate of its own with LoRA+, and the norms of DoRA do not decay."""
    groups = {"lora_A": [1.0, recipe.weight_decay], "lora_B": [recipe.b_rate_factor, recipe.weight_decay],
              "lora_magnitude_vector": [1.0, 0.0]}
    chosen = []
    for kind, (factor, decay) in groups.items():
        parameters = [parameter for name, parameter in factors.items() if f".{kind}" in name]
        if parameters:
            chosen.append({"params": parameters, "factor": factor, "weight_decay": decay})
    return torch.optim.AdamW(
        chosen, lr=recipe.learning_rate, betas=(recipe.beta1, recipe.beta2), eps=recipe.epsilon)


def _name(device):
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _peak_megabytes(device):
    """Of the GPU's memory, or of this process's."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) >> 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
