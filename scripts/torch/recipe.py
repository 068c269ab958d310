"""recipe.json: everything that decides what an adapter becomes. `gemfill train --engine torch` writes it.

Paths in it are relative to the folder in which it lies.
"""
import dataclasses
import hashlib
import json
import math
import pathlib

from refusal import Refusal

FORMAT = "gemfill-recipe-1"
BASE_TYPES = ("auto", "f32", "bf16", "nf4")
SHARDINGS = ("ddp", "fsdp")
SCHEDULES = ("cosine", "linear", "constant")


@dataclasses.dataclass(frozen=True)
class Engine:
    """How the work is done; nothing of this changes what is learnt, beyond rounding and the noise of dropout."""
    base_type: str = "auto"  # bf16 on CUDA, f32 elsewhere
    sharding: str = "ddp"  # fsdp spreads the base over the processes
    packing: bool = False  # one row with block-diagonal attention instead of padded rows of like length
    recompute: bool = False  # keep no activations of a layer but its input
    compile: bool = False
    threads: int = 0  # per process; 0 shares the processor among the processes of a machine
    checkpoint_seconds: float = 60


@dataclasses.dataclass(frozen=True)
class Budget:
    """When a run ends: one of the three."""
    steps: int | None = None
    epochs: float | None = None
    seconds: float | None = None


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The checked contents of a recipe file."""
    base: str
    train: list  # sets of shards, one for each epoch, taken in turn
    budget: Budget
    rank: int
    alpha: float
    targets: list
    learning_rate: float
    batch_tokens: int
    micro_batch_tokens: int
    seed: int
    held_out: str | None = None
    initial: str | None = None  # adapter whose factors training starts from; None draws them by the seed
    rslora: bool = False
    dora: bool = False
    dropout: float = 0.0
    b_rate_factor: float = 1.0  # LoRA+: rate of B over that of A
    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    weight_decay: float = 0.05
    maximum_norm: float = 1.0
    schedule: str = "cosine"
    warm_up: float = 0.03  # share of the run
    floor: float = 0.1  # last rate over the highest
    context_weight: float | None = None  # the weights of the shards, kept for the record
    context_share: float | None = None
    end_weight: float | None = None
    engine: Engine = Engine()
    card: dict = dataclasses.field(default_factory=dict)  # what the adapter's card says of base and data

    @property
    def identity(self):
        """Hash of what a resumed run must share: all but the budget and the engine; base and data by their hashes."""
        shared = dataclasses.asdict(self)
        for name in ("budget", "engine", "card", "base", "train", "held_out", "initial"):
            del shared[name]
        shared["card"] = {key: self.card.get(key) for key in ("base_sha256", "data_sha256")}
        return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()


def read(path):
    """The recipe in the file `path`.

    Raises Refusal with the key that is wrong."""
    path = pathlib.Path(path)
    try:
        if path.stat().st_size > 1 << 22:
            raise Refusal(f"{path}: is too large for a recipe")
        values = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise Refusal(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        raise Refusal(f"{path}: is no recipe of this version ({FORMAT}); write it anew with gemfill")
    values["budget"] = _part(path, "budget", values.get("budget", {}), Budget)
    values["engine"] = _part(path, "engine", values.get("engine", {}), Engine)
    recipe = _part(path, "", values, Recipe)
    _check(path, recipe)
    folder = path.parent
    return dataclasses.replace(
        recipe, base=str(folder / recipe.base), train=[str(folder / name) for name in recipe.train],
        held_out=recipe.held_out and str(folder / recipe.held_out),
        initial=recipe.initial and str(folder / recipe.initial))


def _part(path, place, values, kind):
    """`values` as a dataclass; unknown keys are refused, so that a slip of the pen changes no run in silence."""
    if not isinstance(values, dict):
        raise Refusal(f"{path}: '{place}' is no object")
    known = {field.name: field for field in dataclasses.fields(kind)}
    for key in values:
        if key not in known:
            raise Refusal(f"{path}: '{(place + '.' if place else '') + key}' is no key of a recipe")
    missing = [name for name, field in known.items() if name not in values and field.default is
               dataclasses.MISSING and field.default_factory is dataclasses.MISSING]
    if missing:
        raise Refusal(f"{path}: '{missing[0]}' is missing")
    return kind(**values)


def _check(path, recipe):
    """Refuses values that mean nothing, before anything is loaded."""
    def number(key, low, high, whole=False, optional=False, of=recipe):
        value = getattr(of, key)
        if value is None and optional:
            return
        kinds = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value) \
                or not low <= value <= high:
            raise Refusal(f"{path}: '{key}' is {value!r}; from {low} to {high} is allowed")

    def choice(key, words, of=recipe):
        if getattr(of, key) not in words:
            raise Refusal(f"{path}: '{key}' is {getattr(of, key)!r}; one of {', '.join(words)} is allowed")

    def texts(key):
        value = getattr(recipe, key)
        if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
            raise Refusal(f"{path}: '{key}' is no list of names")

    texts("train")
    texts("targets")
    if not isinstance(recipe.base, str) or not isinstance(recipe.card, dict):
        raise Refusal(f"{path}: 'base' is no text or 'card' no object")
    for key in ("held_out", "initial"):
        if not isinstance(getattr(recipe, key), (str, type(None))):
            raise Refusal(f"{path}: '{key}' is no text")
    for flags, of in ((("rslora", "dora"), recipe), (("packing", "recompute", "compile"), recipe.engine)):
        for key in flags:
            if not isinstance(getattr(of, key), bool):
                raise Refusal(f"{path}: '{key}' is neither true nor false")
    number("rank", 1, 4096, whole=True)
    number("alpha", 1e-6, 1e6)
    number("learning_rate", 1e-9, 10)
    number("batch_tokens", 1, 1 << 30, whole=True)
    number("micro_batch_tokens", 1, 1 << 26, whole=True)
    number("seed", 0, (1 << 64) - 1, whole=True)
    number("dropout", 0, 0.99)
    number("b_rate_factor", 1e-3, 1e3)
    number("beta1", 0, 0.99999)
    number("beta2", 0, 0.999999)
    number("epsilon", 0, 1)
    number("weight_decay", 0, 10)
    number("maximum_norm", 1e-6, 1e9)
    number("warm_up", 0, 1)
    number("floor", 0, 1)
    choice("schedule", SCHEDULES)
    choice("base_type", BASE_TYPES, recipe.engine)
    choice("sharding", SHARDINGS, recipe.engine)
    number("threads", 0, 4096, whole=True, of=recipe.engine)
    number("checkpoint_seconds", 0, 1e9, of=recipe.engine)
    for key, low in (("steps", 1), ("epochs", 1e-6), ("seconds", 1e-3)):
        number(key, low, 1e12, whole=key == "steps", optional=True, of=recipe.budget)
    if sum(value is not None for value in dataclasses.astuple(recipe.budget)) != 1:
        raise Refusal(f"{path}: 'budget' names one of steps, epochs and seconds")
