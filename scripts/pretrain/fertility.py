"""UTF-8 bytes per token by language, of our tokenizer and of a Gemma's (--vocabulary, a GGUF of kind `gemma4`); fertility.json.

Held-out files where there are enough of a language, else files that the tokenizer has seen."""
import argparse
import hashlib
import json
import pathlib

import sentencepiece

from tokenizer import ENDINGS

SAMPLE, ENOUGH = 200_000, 60_000


def sample(folder, endings):
    """(text, whether it is held out) of some files, chosen by the hashes of their paths."""
    for place in ("heldout-tree", "tree"):
        paths = [path for path in (folder / place).rglob("*") if path.suffix[1:] in endings and path.is_file() and 500 < path.stat().st_size < 60_000]
        paths.sort(key=lambda path: hashlib.sha256(str(path.relative_to(folder)).encode()).digest())
        texts, size = [], 0
        for path in paths:
            texts.append(path.read_bytes().decode(errors="ignore"))
            size += len(texts[-1].encode())
            if size >= SAMPLE:
                break
        if size >= ENOUGH:
            return texts, place == "heldout-tree"
    return [], False


def gemma(path):
    """Encoder of a vocabulary with merges: spaces are written as U+2581, lines and runs of newlines are apart, unknown text is bytes."""
    import gguf
    import tokenizers
    reader = gguf.GGUFReader(path)
    tokens = reader.fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ", 1)) for merge in reader.fields["tokenizer.ggml.merges"].contents()]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges = [pair for pair in merges if all(part in vocabulary for part in (*pair, "".join(pair)))]
    encoder = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    encoder.normalizer = tokenizers.normalizers.Replace(" ", "▁")
    encoder.pre_tokenizer = tokenizers.pre_tokenizers.Split(tokenizers.Regex("\\n+"), "isolated")
    return lambda text: encoder.encode(text, add_special_tokens=False).ids


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--vocabulary", type=pathlib.Path)
    options = parser.parse_args()
    ours = sentencepiece.SentencePieceProcessor(model_file=str(options.dir / "tokenizer.model")).encode
    theirs = gemma(options.vocabulary) if options.vocabulary else None
    rows = {}
    for name, endings in ENDINGS.items():
        texts, held = sample(options.dir, endings)
        if not texts:
            continue
        size = sum(len(text.encode()) for text in texts)
        rows[name] = dict(bytes=size, held_out=held, bytes_per_token=round(size / sum(len(ours(text)) for text in texts), 3))
        if theirs:
            rows[name]["gemma_bytes_per_token"] = round(size / sum(len(theirs(text)) for text in texts), 3)
    result = dict(pieces=16384, gemma=options.vocabulary and options.vocabulary.stem, languages=rows)
    (options.dir / "fertility.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
