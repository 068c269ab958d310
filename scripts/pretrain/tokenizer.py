"""tree/ -> tokenizer.model: SentencePiece BPE, 16 384 pieces, laid out as Gemma lays its own out."""
import argparse
import pathlib
import random

import sentencepiece

PAD, EOS, BOS, UNK = 0, 1, 2, 3
PREFIX, MIDDLE, SUFFIX, SEPARATOR = 67, 68, 69, 70
TURN_START, TURN_END = 105, 106
VOCABULARY = 16384
SAMPLE_CHARACTERS = 24_000_000
# Share of a set of shards (one or more languages) in the tokenizer's sample and in the training tokens.
MIX = {"python": 40, "typescript": 15, "rust": 10, "go": 10, "cpp": 10, "java": 6, "swift": 6, "other": 3}


ENDINGS = {"python": ["py"], "typescript": ["ts", "tsx", "js", "mjs", "jsx"], "rust": ["rs"], "go": ["go"],
           "cpp": ["c", "h", "cc", "cpp", "hpp"], "java": ["java"], "swift": ["swift"], "other": ["rb", "sh", "lua"]}


def control_symbols():
    named = {4: "<mask>", PREFIX: "<|fim_prefix|>", MIDDLE: "<|fim_middle|>", SUFFIX: "<|fim_suffix|>",
             SEPARATOR: "<|file_separator|>", TURN_START: "<start_of_turn>", TURN_END: "<end_of_turn>"}
    unused = iter(range(1000))
    return [named.get(index) or f"<unused{next(unused)}>" for index in range(4, TURN_END + 1)]


def user_symbols():
    runs = ["\n" * n for n in range(1, 32)] + ["▁" * n for n in range(2, 32)] + ["\t" * n for n in range(1, 32)]
    return runs


def sample(folder):
    """Lines of the tree, mixed as the training data is."""
    generator = random.Random(1)
    for name, endings in ENDINGS.items():
        files = sorted(path for path in (folder / "tree").rglob("*") if path.suffix[1:] in endings and path.is_file())
        generator.shuffle(files)
        left = SAMPLE_CHARACTERS * MIX[name] / sum(MIX.values())
        for path in files:
            if left <= 0:
                break
            text = path.read_text(errors="ignore")
            left -= len(text)
            for line in text.split("\n"):
                if line.strip() and len(line) < 1000:
                    yield line


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    folder = parser.parse_args().dir
    prefix = folder / "tokenizer"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=sample(folder), model_prefix=str(prefix), model_type="bpe", vocab_size=VOCABULARY,
        byte_fallback=True, split_digits=True, normalization_rule_name="identity", add_dummy_prefix=False,
        remove_extra_whitespaces=False, allow_whitespace_only_pieces=True, character_coverage=0.9999,
        pad_id=PAD, eos_id=EOS, bos_id=BOS, unk_id=UNK, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
        unk_piece="<unk>", control_symbols=control_symbols(), user_defined_symbols=user_symbols(),
        max_sentence_length=4000, num_threads=2, train_extremely_large_corpus=False, shuffle_input_sentence=False,
        input_sentence_size=0, max_sentencepiece_length=24)
    check(prefix.with_suffix(".model"))


def check(path):
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    assert pieces.get_piece_size() == VOCABULARY
    for index, name in ((PREFIX, "<|fim_prefix|>"), (MIDDLE, "<|fim_middle|>"), (SUFFIX, "<|fim_suffix|>"),
                        (SEPARATOR, "<|file_separator|>"), (TURN_START, "<start_of_turn>"), (EOS, "<eos>"), (BOS, "<bos>")):
        assert pieces.id_to_piece(index) == name, (index, pieces.id_to_piece(index))
    for text in ("def f(a, b):\n    return a + 12345\n\n\n\tx = 'ä€😀'\n", "  lead and trail  ", "\n", " ", "\t\tif (x) {\n"):
        assert pieces.decode(pieces.encode(text)) == text, text


if __name__ == "__main__":
    main()
