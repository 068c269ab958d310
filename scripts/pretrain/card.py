"""Write the model card: card.json for programs and models/README.md for people, from what the stages left behind."""
import argparse
import datetime
import hashlib
import json
import os
import pathlib
import platform
import statistics

import sentencepiece

import export
import train

HERE = pathlib.Path(__file__).resolve().parent


def processor():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def read_log(path):
    """One row per step; a step that was redone after a stop counts once, as it was last done."""
    rows = {}
    for line in path.read_text().splitlines():
        row = json.loads(line)
        rows[row["step"]] = row
    return [rows[step] for step in sorted(rows)]


def training(folder, saved, device):
    rows = read_log(folder / "train/log.jsonl")
    near = lambda at: statistics.mean(r["loss"] for r in sorted(rows, key=lambda r: abs(r["tokens"] - at))[:25])
    curve = {f"{share:.0%}": dict(tokens=int(saved["seen"] * share), loss=round(near(saved["seen"] * share), 3))
             for share in (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)}
    return dict(device=device, hardware=processor(), cores=os.cpu_count(), minutes=round(saved["clock"] / 60, 1),
                steps=saved["optimiser"]["steps"], tokens_seen=saved["seen"], epochs=round(saved["epochs"], 3),
                tokens_per_second=round(saved["seen"] / saved["clock"]), last_learning_rate=rows[-1]["rate"],
                loss_per_token_last_25_steps=round(statistics.mean(r["loss"] for r in rows[-25:]), 4), loss_by_share_of_tokens=curve,
                optimiser="Muon (matrices) and AdamW (embedding, norms), bfloat16 arithmetic with float32 masters")


def fertility(folder):
    """UTF-8 bytes per token on held-out files."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    size, tokens = {}, {}
    for line in (folder / "heldout-files.jsonl").read_text().splitlines():
        row = json.loads(line)
        language = row["language"]
        if size.get(language, 0) < 300_000:
            size[language] = size.get(language, 0) + len(row["text"].encode())
            tokens[language] = tokens.get(language, 0) + len(pieces.encode(row["text"]))
    return {language: round(size[language] / tokens[language], 2) for language in sorted(size)}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def percent(part):
    return f"{100 * part['exact_match']:.1f} % ({100 * part['interval'][0]:.1f}–{100 * part['interval'][1]:.1f})"


def readme(card):
    data, run, scores = card["data"], card["training"], card["held_out"]
    total = sum(data["tokens_by_language"].values())
    loss_rows, line_rows = [], []
    for name, title in (("held_out_files", "2 % of the files of the same packages"), ("held_out_packages", "httpx and starlette")):
        part = scores[name]
        for order in ("psm", "spm"):
            loss, line = part["middle_loss"][order], part["single_line"][order]
            loss_rows.append([title, order.upper(), loss["nats_per_byte"], "–".join(map(str, loss["interval"])), loss["holes"]])
            line_rows.append([title, order.upper(), percent(line), line["edit_similarity"],
                              f"{100 * line['end_token_rate']:.0f} %", line["holes"]])
    samples = "\n".join(f"    {s['before'].strip()[-60:]}‸\n      model: {s['answer'][:90]}\n      truth: {s['truth'][:90]}\n"
                        for s in scores["held_out_packages"]["samples"][:5])
    state = ("**State: the CUDA run is done.**" if card["cuda_run_done"] else
             "**State: a short CPU run. The CUDA run has not been done** (`\"cuda_run_done\": false` in the card): "
             "this model is a small working base to tune adapters on, not yet a good completer by itself.")
    notes = "".join(f"- {note}\n" for note in card["notes"])
    notes = f"Notes on this run:\n\n{notes}\n" if notes else ""
    return f"""# Models

`gemfill-base/` is the base model that comes with Gemfill: the Gemma 3 text architecture at
{card['parameters'] / 1e6:.1f} M parameters, trained from nothing on permissively licensed code by `scripts/pretrain/run`.
No weights of any other model were used. `gemfill-base/card.json` holds everything below for programs.

{state}

| file | what |
|---|---|
| `gemfill-base-q8_0.gguf` | weights (matrices Q8_0, norms F32) and tokenizer; opens in Gemfill and llama.cpp |
| `config.json` | the architecture as transformers writes it |
| `tokenizer.model` | SentencePiece BPE, 16 384 pieces |
| `card.json` | this card |

## Shape

{card['architecture']['num_hidden_layers']} layers, width {card['architecture']['hidden_size']}, feed-forward {card['architecture']['intermediate_size']}, {card['architecture']['num_attention_heads']} query heads and
{card['architecture']['num_key_value_heads']} key/value head of {card['architecture']['head_dim']}, sliding window {card['architecture']['sliding_window']} in all layers but each sixth, positions up to {card['architecture']['max_position_embeddings']}
(examples of training were at most 1 024 tokens long), tied head. The GGUF does not hold `query_pre_attn_scalar`: attention is scaled by
1/√{card['architecture']['head_dim']}, the square root of the key length, which is also what llama.cpp does. (transformers assumes 256 when it reads a
GGUF; use `config.json` there.)

## Prompt formats

Ids: bos 2, eos 1, prefix 67, middle 68, suffix 69, file separator 70 (present, not trained). Half of the infilling examples have each order:

    PSM   bos PATH\\n 67 PREFIX 69 SUFFIX 68 MIDDLE eos
    SPM   bos PATH\\n 67 69 SUFFIX 68 PREFIX MIDDLE eos
    text  bos PATH\\n TEXT eos

PATH is the repository-relative path, at most its last three components; one example in ten has none. 85 % of the examples
are infilling. The hole: {', '.join(f'{kind} {share} %' for kind, share in card['holes'].items())} (line tail from a trigger point, span inside a
line, whole lines, block tail, random characters, nothing). Tokenise path, prefix, middle and suffix each on its own; in SPM, half of the examples
had prefix and middle tokenised together.

## Data

{data['characters'] / 1e6:.0f} M characters from {data['packages']} packages (PyPI sdists and Debian source packages) after dropping vendored, generated, minified,
very large, mostly numeric and duplicate files, files that mention a copyleft licence, and licence headers. `scripts/pretrain/corpus.json` pins version, file
and SHA-256 of each. Training drew from it by language:

{table(['language', 'tokens in the mix', 'share', 'bytes per token'], [[k, f'{v:,}', f'{100 * v / total:.1f} %', data['bytes_per_token'].get(k, '')] for k, v in sorted(data['tokens_by_language'].items(), key=lambda x: -x[1])])}

{table(['licence', 'characters'], [[k, f'{v:,}'] for k, v in data['characters_by_licence'].items()])}

The licence is that of the package as its registry or upstream states it; bundles whose licence is a choice or a conjunction are entered
under the permissive part that covers the code used. Left out by name, for tests: {', '.join(data['excluded_by_name'])}.

## Training

{run['minutes']} minutes on {run['cores']} cores ({run['hardware']}, shared with other work), {run['tokens_per_second']} tokens/s on average:
**{run['tokens_seen'] / 1e6:.2f} M tokens** in {run['steps']} steps, {100 * run['epochs']:.0f} % of the mix above{', nothing seen twice' if run['epochs'] <= 1 else ''}.
{run['optimiser']}. Learning rate a function of elapsed time: warm-up 1 %, flat to {100 * train.HOLD:.0f} %, then linear to {run['last_learning_rate']}.
All tokens carry loss but pads, sentinels and the path; in the last {100 - 100 * train.FOCUS_FROM:.0f} % of the time tokens of the middle weigh {train.MIDDLE_WEIGHT:g} and its end token {train.END_WEIGHT:g}.
Loss per token over the last 25 steps: {run['loss_per_token_last_25_steps']} nats.

{table(['tokens seen'] + [f"{v['tokens'] / 1e6:.2f} M" for v in run['loss_by_share_of_tokens'].values()], [['loss'] + [v['loss'] for v in run['loss_by_share_of_tokens'].values()]])}

{notes}## Held-out scores

Measured by `scripts/pretrain/evaluate.py` on the Q8_0 weights, in brackets 95 % intervals. Loss of the middle in nats per byte (end token not counted):

{table(['held out', 'order', 'nats per byte', 'interval', 'holes'], loss_rows)}

Greedy completion of the rest of a line, exact to the character; `ends` is the share where the end token came before a newline and within 48 tokens:

{table(['held out', 'order', 'exact match', 'edit similarity', 'ends', 'holes'], line_rows)}

Loss by language (files, SPM): {', '.join(f'{k} {v}' for k, v in scores['held_out_files']['middle_loss_spm_by_language'].items())}.
By kind of hole: {', '.join(f'{k} {v}' for k, v in scores['held_out_files']['middle_loss_spm_by_kind'].items())}.

The first holes of the held-out packages (SPM; ‸ is the cursor):

{samples}
## Limits

{chr(10).join('- ' + limit for limit in card['limits'])}

## Remake

    scripts/pretrain/run --minutes 100                                   # CPU
    scripts/pretrain/run --device cuda --minutes 60 --tokens 90e6        # CUDA, with --config for another shape

The command makes its own environment, fetches what `corpus.json` pins and checks every hash, and goes on where it was stopped.
The corpus, tokenizer and examples come out the same each time; weights differ a little, because steps depend on the clock.

## Hashes

{table(['file', 'bytes', 'SHA-256'], [[f'`{name}`', f"{v['bytes']:,}", f"`{v['sha256']}`"] for name, v in card['files'].items()])}
"""


SHORT_RUN = ("Few tokens: a model of this size would still gain from a hundred times as many. In PSM order it has not learnt to go on from "
             "the middle of a line, in SPM order it sees the end of a middle too seldom.")
LIMITS = [
    "It has learnt surface syntax, indentation and common idioms. It knows little of libraries, does not reason, falls into repetition in greedy decoding, "
    "and often does not end where it should: stop at a newline, at a syntax node or at a repeated suffix, and prefer the order with the lower loss.",
    "TSX is all but missing from the data, Ruby comes from one project and Swift from one source tree.",
    "Context beyond 1 024 tokens and several files in one prompt (file separator) were not trained.",
    "No filter for personal data beyond the choice of sources; names and addresses in comments of public packages may have been seen.",
    "Test files are kept at less than half of their natural share, comments that are licence headers at none.",
    "Held-out files of the first kind come from the same packages as the training data, so those scores are optimistic; the packages left out by name are the honest figure, "
    "and both of them are Python.",
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--note", action="append", default=[], help="something a reader must know about this run")
    options = parser.parse_args()
    folder, out = options.dir, options.out
    config, weights, saved = export.load_checkpoint(folder)
    hygiene = json.loads((folder / "hygiene.json").read_text())
    mix = json.loads((folder / "shards/summary.json").read_text())
    pins = json.loads((HERE / "corpus.json").read_text())
    import examples
    card = dict(
        name="gemfill-base", made=datetime.date.today().isoformat(), licence="Apache-2.0",
        cuda_run_done=options.device == "cuda", parameters=sum(v.numel() for v in weights.values()),
        architecture=dict(family="gemma3", **vars(config)), formats=["psm", "spm"], best_order="spm",
        holes=examples.HOLES, fim_rate=examples.FIM_RATE, path_rate=examples.PATH_RATE,
        data=dict(characters=hygiene["characters"], packages=hygiene["packages"], characters_by_language=hygiene["characters_by_language"],
                  characters_by_licence=hygiene["characters_by_licence"], tokens_by_language=mix["tokens_by_language"],
                  bytes_per_token=fertility(folder), excluded_by_name=pins["excluded_by_name"],
                  pins="scripts/pretrain/corpus.json", pins_sha256=hashlib.sha256((HERE / "corpus.json").read_bytes()).hexdigest()),
        notes=options.note, training=training(folder, saved, options.device), held_out=json.loads((folder / "evaluation.json").read_text()),
        limits=LIMITS if options.device == "cuda" else [SHORT_RUN] + LIMITS, remake="scripts/pretrain/run",
        files={path.name: dict(bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
               for path in sorted(out.iterdir()) if path.name != "card.json"})
    files = card["held_out"]["held_out_files"]["middle_loss"]
    card["best_order"] = min(files, key=lambda order: files[order]["nats_per_byte"])
    (out / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    (out.parent / "README.md").write_text(readme(card))


if __name__ == "__main__":
    main()
