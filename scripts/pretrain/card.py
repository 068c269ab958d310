"""Write the model card: card.json for programs and models/README.md for people, from what the stages left behind."""
import argparse
import collections
import datetime
import hashlib
import json
import os
import pathlib
import platform
import statistics

import card_text
import export

HERE = pathlib.Path(__file__).resolve().parent
SHORT_RUN = ("Few tokens: a model of this size would still gain from twenty times as many. Longer insertions are guesses, and names that stand "
             "in no prompt are rarely right.")
LIMITS = [
    "It has learnt surface syntax, indentation and common idioms. It knows little of libraries and does not reason; greedy decoding can fall into repetition.",
    "Ruby, shell and Lua are hardly in the data; TSX comes from few files, Swift from few projects.",
    "Examples were at most 1 024 tokens long. Snippets of other files were part of some; the base is measured without them.",
    "Secrets and personal data are replaced by the carver's patterns; what these miss may have been seen.",
    "Licences are those that registries, upstream and the files themselves state, found by pattern. Nobody read all files.",
    "The repositories held out by name are public and well known: text of theirs that is quoted elsewhere is removed only where 50 tokens or 13 words agree.",
]


def processor():
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def hardware(device):
    if device == "cuda":
        import torch
        if torch.cuda.is_available():
            return torch.cuda.get_device_name()
    return processor()


def read_log(path):
    """(steps, held-out losses); a step that was redone after a stop counts once, as it was last done."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    steps = {row["step"]: row for row in rows if "step" in row}
    return [steps[step] for step in sorted(steps)], [row for row in rows if "heldout_nats_per_byte" in row]


def training(folder, saved, device):
    rows, held = read_log(folder / "train/log.jsonl")
    near = lambda at: statistics.mean(row["loss"] for row in sorted(rows, key=lambda row: abs(row["tokens"] - at))[:25])
    curve = [dict(tokens=int(saved["seen"] * share), loss=round(near(saved["seen"] * share), 3)) for share in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)]
    before = saved.get("warm")
    return dict(
        device=device, hardware=hardware(device), cores=os.cpu_count(), minutes=round(saved["clock"] / 60, 1), steps=saved["optimiser"]["steps"],
        tokens_seen=saved["seen"], begun_with=before, tokens_seen_in_all=saved["seen"] + (before or {}).get("tokens_seen", 0),
        tokens_by_set=saved["tokens"], epochs_by_set=saved["epochs"], tokens_per_second=round(saved["seen"] / max(1.0, saved["clock"])),
        settings=saved["settings"], last_learning_rate=rows[-1]["rate"], loss_per_token_last_25_steps=round(statistics.mean(row["loss"] for row in rows[-25:]), 4),
        loss=curve, held_out=held, optimiser="Muon (matrices) and AdamW (embedding, norms), bfloat16 arithmetic with float32 masters")


def data(folder, pins):
    tree, mix = (json.loads((folder / name).read_text()) for name in ("tree.json", "shards/summary.json"))
    by_licence = collections.Counter()
    for package in tree["packages"]:
        by_licence[package["licence"]] += sum(package["bytes_by_language"].values())
    fertility = folder / "fertility.json"
    return dict(
        packages=len(tree["packages"]), bytes_before_hygiene=tree["bytes"], bytes=mix["bytes"], bytes_by_language=mix["bytes_by_language"],
        bytes_by_package_licence=dict(by_licence.most_common()), bytes_by_file_licence=mix["bytes_by_file_licence"],
        tokens_by_set=mix["tokens"], sequences_by_set=mix["sequences"], shares=mix["shares"], examples_by_class=mix["examples_by_class"],
        files_left_out=mix["files_by_reason"], redactions=mix["redactions"], licences_denied=mix["denied"], settings_hash=mix["settings_hash"],
        excluded_by_name=pins["excluded_by_name"], held_out=pins["held_out"], pins="scripts/pretrain/corpus.json",
        pins_sha256=hashlib.sha256((HERE / "corpus.json").read_bytes()).hexdigest(),
        fertility=json.loads(fertility.read_text()) if fertility.exists() else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder of the model; README.md is written above it")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--note", action="append", default=[], help="something a reader must know about this run")
    options = parser.parse_args()
    folder, out = options.dir, options.out
    config, weights, saved = export.load_checkpoint(folder)
    pins = json.loads((HERE / "corpus.json").read_text())
    exported = json.loads((folder / "export.json").read_text())
    scores = json.loads((folder / "evaluation.json").read_text())
    card = dict(
        name="gemfill-base", made=datetime.date.today().isoformat(), licence="Apache-2.0", cuda_run_done=options.device == "cuda",
        parameters=sum(value.numel() for value in weights.values()), architecture=dict(family="gemma3", **vars(config)),
        formats=["psm", "spm"], best_order="spm", data=data(folder, pins), notes=options.note,
        training=training(folder, saved, options.device),
        export={key: value for key, value in exported.items() if key not in ("tokens_seen", "minutes", "parameters")}, held_out=scores,
        limits=LIMITS if options.device == "cuda" else [SHORT_RUN, *LIMITS], remake="scripts/pretrain/run",
        files={path.name: dict(bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
               for path in sorted(out.iterdir()) if path.suffix in (".gguf", ".model", ".safetensors") or path.name == "config.json"})
    text = card_text.readme(card)
    (out / "card.json").write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n")
    (out.parent / "README.md").write_text(text)


if __name__ == "__main__":
    main()
