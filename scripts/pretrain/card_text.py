"""models/README.md from card.json's contents."""


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def number(figure, digits=3):
    if not figure:
        return "–"
    text = f"{figure['estimate']:.{digits}f}"
    return text + (f" ({figure['low']:.{digits}f}–{figure['high']:.{digits}f})" if figure.get("low") is not None else "")


def percent(figure):
    if not figure:
        return "–"
    text = f"{100 * figure['estimate']:.1f} %"
    return text + (f" ({100 * figure['low']:.1f}–{100 * figure['high']:.1f})" if figure.get("low") is not None else "")


FEWEST = 20  # holes of a row; fewer stand in card.json only
SHAPES = {"lineTail": "line tail", "wholeLine": "whole line", "severalLines": "several lines"}


def score_table(parts, head):
    """Figures of every contender for each part of the report of `gemfill eval --json`."""
    rows = []
    for part in parts:
        if part["scored"] < FEWEST:
            continue
        for who in part["contenders"]:
            shares = [percent(who.get(key)) for key in ("singleLineExact", "singleLineSimilarity", "endRate", "parses", "answered")]
            # The others find a prompt that the bare ones have evaluated.
            time = None if who["name"].endswith((" + n-grams", ", as served")) else who.get("medianMilliseconds")
            rows.append([SHAPES.get(part["value"], part["value"]), who["name"], f"{part['scored']}/{part['completed']}", number(who.get("lossPerByte")),
                         *shares, f"{time:.0f}" if time is not None else "–"])
    return table([head, "who", "scored/completed", "nats/byte", "one line exact", "one line similar", "ends itself", "parses", "answered", "ms"], rows)


def bytes_table(sizes, head):
    return table([head, "MB"], [[name, f"{size / 1e6:.1f}"] for name, size in sorted(sizes.items(), key=lambda row: -row[1]) if size >= 50_000])


def fertility(part):
    if not part:
        return ""
    rows = [[name, row["bytes_per_token"], row.get("gemma_bytes_per_token", "–"), "yes" if row["held_out"] else "no"] for name, row in part["languages"].items()]
    return f"""
UTF-8 bytes per token, and those of Gemma's vocabulary of 262 144 pieces (`{part['gemma']}`) on the same files:

{table(['set', 'ours', 'Gemma', 'held-out files'], rows)}
"""


def carved(part):
    if not part:
        return ""
    rows = [[f"{key}: {name}", row["holes"], number(row["nats_per_byte"]), number(row["end_nats"], 2), percent(row["ends"])]
            for key in ("order", "kind", "language") for name, row in part[key].items()]
    return f"""
### Carved holes

Loss of the true middle of holes that `gemfill carve` cut in the held-out repositories, the end token's own, and how often that was the likeliest
where the middle ends; classes as in `docs/carving.md`.

{table(['', 'holes', 'nats/byte', 'end, nats', 'end first'], rows)}
"""


def four_bits(card):
    cost = card["held_out"].get("four_bits") or {}
    if not cost.get("holes"):
        return ""
    return (f"Q4_0 (embedding {card['export']['four_bits'].get('embedding', 'q8_0')}) costs {percent(cost['relative_cost'])} of the loss per byte of Q8_0 on "
            f"{cost['holes']} held-out holes. ")


def state(card):
    if card["cuda_run_done"]:
        return "**State: the CUDA run is done.**"
    return ("**State: a short CPU run. The CUDA run has not been done** (`\"cuda_run_done\": false` in the card): this model is a small working base "
            "to tune adapters on, not yet a good completer by itself.")


def shape(card):
    form = card["architecture"]
    return f"""{form['num_hidden_layers']} layers, width {form['hidden_size']}, feed-forward {form['intermediate_size']}, {form['num_attention_heads']} query heads and
{form['num_key_value_heads']} key/value head of {form['head_dim']}, sliding window {form['sliding_window']} in all layers but each sixth, positions up to {form['max_position_embeddings']}, tied head.
The GGUF does not hold `query_pre_attn_scalar`: attention is scaled by 1/√{form['head_dim']}, the square root of the key length, which is also what
llama.cpp does. (transformers assumes 256 when it reads a GGUF; use `config.json` there.) `gemfill model export gemfill-base` writes safetensors."""


def training(run):
    before, settings = run["begun_with"], run["settings"]
    begun = (f"It began with weights that had seen {before['tokens_seen'] / 1e6:.2f} M tokens in {before['minutes']} minutes, "
             f"so that it has seen **{run['tokens_seen_in_all'] / 1e6:.2f} M tokens** in all. " if before else "")
    held = run["held_out"]
    rows = [[f"{row['tokens'] / 1e6:.2f} M", row["heldout_nats_per_byte"], row.get("heldout_end_nats", "–"), percent(dict(estimate=row["heldout_ends"])),
             percent(dict(estimate=row["heldout_unbroken"]))] for row in held if "heldout_ends" in row]
    return f"""{run['minutes']} minutes on {run['cores']} cores ({run['hardware']}, shared with other work), {run['tokens_per_second']} tokens/s on average:
{run['tokens_seen'] / 1e6:.2f} M tokens in {run['steps']} steps. {begun}{run['optimiser']}.
Learning rates {settings['peak']:g} times those in `train.py`, flat to {100 * settings['hold']:.0f} % of the time, then linear to {run['last_learning_rate']}.
Middles weigh 1, their end tokens {settings['end']:g}, text around them {settings['around']:g}, falling to {settings['around_late']:g}; snippets of other files, paths and marks carry no loss.
Text around middles never competes with the end token: in suffix-first order nothing marks where a prefix goes over into its middle, so that
otherwise each line of a prefix would teach that nothing ends there. Loss per token over the last 25 steps: {run['loss_per_token_last_25_steps']} nats.

{table(['tokens seen'] + [f"{row['tokens'] / 1e6:.2f} M" for row in run['loss']], [['loss per token'] + [row['loss'] for row in run['loss']]])}

On held-out repositories (teacher-forced; *end first*: the end token is the likeliest at the end; *unbroken*: and nowhere before):

{table(['tokens seen', 'nats/byte', 'end, nats', 'end first', 'unbroken'], rows)}"""


def data_text(data):
    return f"""{data['packages']} packages (PyPI sdists and Debian source packages), {data['bytes_before_hygiene'] / 1e6:.0f} MB; {data['bytes'] / 1e6:.0f} MB after `gemfill carve` left out what is vendored, generated,
minified, repetitive, copied, nearly copied, or under a licence that is not permissive. `scripts/pretrain/corpus.json` pins version, file and SHA-256.

{bytes_table(data['bytes_by_language'], 'language')}

Licence of the package as its registry or upstream states it (before hygiene; bundles whose licence is a choice or a conjunction are entered under
the permissive part that covers the code used):

{bytes_table(data['bytes_by_package_licence'], 'licence')}

Training draws tokens by set: {', '.join(f'{name} {share} %' for name, share in data['shares'].items())}.
{fertility(data['fertility'])}
Held out by name, at pinned commits: {', '.join(row['name'] + ' (' + row['language'] + ')' for row in data['held_out'])}. Also left out: {', '.join(name for name in data['excluded_by_name'] if name not in {row['name'] for row in data['held_out']})}.
What repeats their text was removed from the training data."""


def scores(card):
    part = card["held_out"]
    learnt = ", ".join(f"{name} {row['tokens'] / 1e3:.0f} k tokens" for name, row in part["adapters"].items() if row)
    return f"""What later commits of the held-out repositories inserted (the last tenth of the history), by

{chr(10).join('    ' + command for command in part['commands'])}

The adapters learnt from the part before for some seconds ({learnt}); they alone may see snippets of other files. *+ n-grams*:
mixed with what followed the same tokens before, in the prompt and in the older state of the repository. *as served*: mixed so, asked with the key, and
judged by the policy that an editor meets, which stays silent where nothing sound is left. In brackets 95 % intervals over files.
*one line*: holes of one line, *exact* where all of it is right, *similar* by edit similarity; *ends itself*: before the limit of 64 tokens; *parses*: no new syntax
error, among the answers with text; *answered*: with text.
{four_bits(card)}

### All

{score_table([dict(value='all', scored=part['scored'], completed=part['completed'], contenders=part['contenders'])], '')}

### By language

{score_table(part['by']['language'], 'language')}

Languages with fewer than {FEWEST} holes stand in `card.json` only.

### By package

{score_table(part['by']['package'], 'package')}

### By shape

What is missing: the rest of a line that was begun, one whole line, or more.

{score_table(part['by']['shape'], 'shape')}
{carved(part.get('carved'))}"""


def readme(card):
    notes = "".join(f"- {note}\n" for note in card["notes"])
    notes = f"Notes on this run:\n\n{notes}\n" if notes else ""
    files = card["files"]
    return f"""# Models

`gemfill-base/` is the base model that comes with Gemfill: the Gemma 3 text architecture at
{card['parameters'] / 1e6:.1f} M parameters, trained from nothing on permissively licensed code by `scripts/pretrain/run`.
No weights of any other model were used. `gemfill-base/card.json` holds everything below for programs.

{state(card)}

| file | what |
|---|---|
| `gemfill-base-q8_0.gguf` | weights (matrices Q8_0, norms F32) and tokenizer; the default, and what adapters are trained on |
| `gemfill-base-q4_0.gguf` | the same in Q4_0 (embedding Q8_0), where memory is short: `--base models/gemfill-base/gemfill-base-q4_0.gguf`. An adapter belongs to the file that it was trained on |
| `config.json` | the architecture as transformers writes it |
| `tokenizer.model` | SentencePiece BPE, 16 384 pieces: byte fallback, single digits, runs of spaces, tabs and newlines |
| `card.json` | this card |

## Shape

{shape(card)}

## Prompt formats

Ids: bos 2, eos 1, prefix 67, middle 68, suffix 69, file separator 70. Half of the infilling examples have each order:

    PSM   bos HEAD 67 PREFIX 69 SUFFIX 68 MIDDLE eos
    SPM   bos HEAD 67 69 SUFFIX 68 PREFIX MIDDLE eos
    text  bos HEAD TEXT

HEAD is the path and, in some examples, snippets of other files, as `docs/carving.md` says, which also says how holes are chosen.

## Data

{data_text(card['data'])}

## Training

{training(card['training'])}

{notes}## Held-out scores

{scores(card)}

## Limits

{chr(10).join('- ' + limit for limit in card['limits'])}

## Remake

    scripts/pretrain/run --minutes 100                      # CPU
    scripts/pretrain/run --device cuda --minutes 60         # CUDA, the larger shape of config-cuda.json

The command makes its own environment, fetches what `corpus.json` pins, checks every hash, and goes on where it was stopped.
Corpus and shards come out the same each time; weights differ a little, because steps depend on the clock (`train.py --steps` does not).

## Hashes

{table(['file', 'bytes', 'SHA-256'], [[f'`{name}`', f"{row['bytes']:,}", f"`{row['sha256']}`"] for name, row in files.items()])}
"""
