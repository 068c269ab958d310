"""Writes a GGUF file with random weights in a known shape: as fast as real ones, and there is nothing to download.

    python models.py SHAPE q4_0|q8_0 OUT.gguf

Every matrix is in the given format, the token embedding (which is also the output head) too, as in Google's own Q4_0
files. The vocabulary is synthetic but complete: special and fill-in-the-middle tokens, byte pieces, and pieces of
letters that byte-pair merging reaches, so that both engines load it and cut text alike. Needs numpy and gguf.
"""

import itertools
import os
import pathlib
import string
import sys

import gguf
import numpy

LETTERS = string.ascii_lowercase
SPACE = "\u2581"

# layers, hidden, feed-forward, heads, key/value heads, head dimension, vocabulary, architecture
SHAPES = {
    "small26m": (8, 512, 1024, 4, 1, 128, 16384, "gemma3"),
    "gemma3-270m": (18, 640, 2048, 4, 1, 256, 262144, "gemma3"),
    "gemma3-1b": (26, 1152, 6912, 4, 1, 256, 262144, "gemma3"),
    "codegemma-2b": (18, 2048, 16384, 8, 1, 256, 256000, "gemma"),
}
WINDOW = 512


def vocabulary(size):
    """Texts, scores and types of `size` pieces, laid out as in Gemma's own vocabularies."""
    kind = gguf.TokenType
    pieces = [("<pad>", kind.CONTROL), ("<eos>", kind.CONTROL), ("<bos>", kind.CONTROL), ("<unk>", kind.UNKNOWN),
              ("<mask>", kind.CONTROL)]
    named = {67: "<|fim_prefix|>", 68: "<|fim_middle|>", 69: "<|fim_suffix|>", 70: "<|file_separator|>"}
    while len(pieces) < 107:
        number = len(pieces)
        pieces.append((named.get(number, f"<unused{number - 6}>"), kind.CONTROL))
    pieces += [("\n" * count, kind.USER_DEFINED) for count in range(1, 32)]
    pieces += [(SPACE * count, kind.USER_DEFINED) for count in range(2, 32)]
    while len(pieces) < 238:
        pieces.append((f"<unused{len(pieces)}>", kind.CONTROL))
    pieces += [(f"<0x{byte:02X}>", kind.BYTE) for byte in range(256)]
    pieces += [(SPACE, kind.NORMAL)] + [(chr(code), kind.NORMAL) for code in range(0x21, 0x7F)]
    for length in range(2, 6):
        words = itertools.product(LETTERS, repeat=length)
        for word in itertools.chain((SPACE + "".join(w) for w in itertools.product(LETTERS, repeat=length - 1)),
                                    map("".join, words)):
            if len(pieces) == size:
                break
            pieces.append((word, kind.NORMAL))
    texts, types = zip(*pieces)
    # Earlier pieces are merged first; those that are never merged have no score.
    scores = [-float(place) if kind_ == kind.NORMAL else 0.0 for place, kind_ in enumerate(types)]
    return list(texts), scores, list(types)


class Writer:
    """One file in the making."""

    def __init__(self, path, shape, quantization, seed=1):
        (self.layers, self.hidden, self.feed, self.heads, self.kv_heads, self.head_dim, self.vocabulary,
         self.architecture) = SHAPES[shape]
        self.kind = gguf.GGMLQuantizationType[quantization.upper()]
        self.random = numpy.random.default_rng(seed)
        self.file = gguf.GGUFWriter(path, self.architecture)
        self.file.add_name(f"{shape} with random weights, {quantization}")

    def metadata(self):
        out = self.file
        out.add_context_length(8192)
        out.add_embedding_length(self.hidden)
        out.add_block_count(self.layers)
        out.add_feed_forward_length(self.feed)
        out.add_head_count(self.heads)
        out.add_head_count_kv(self.kv_heads)
        out.add_key_length(self.head_dim)
        out.add_value_length(self.head_dim)
        out.add_layer_norm_rms_eps(1e-6)
        out.add_file_type(gguf.LlamaFileType[f"MOSTLY_{self.kind.name}"])
        if self.architecture == "gemma3":
            out.add_sliding_window(WINDOW)
            out.add_rope_freq_base(1e6)
        texts, scores, types = vocabulary(self.vocabulary)
        out.add_tokenizer_model("llama")
        out.add_tokenizer_pre("default")
        out.add_token_list(texts)
        out.add_token_scores(scores)
        out.add_token_types(types)
        out.add_bos_token_id(2)
        out.add_eos_token_id(1)
        out.add_unk_token_id(3)
        out.add_pad_token_id(0)
        out.add_add_bos_token(True)
        out.add_add_eos_token(False)
        out.add_add_space_prefix(False)
        for name, token in (("pre", 67), ("mid", 68), ("suf", 69), ("sep", 70)):
            out.add_uint32(f"tokenizer.ggml.fim_{name}_token_id", token)

    def matrix(self, name, rows, columns):
        """Blocks of 32 symmetric integers and a scale each, of variance 1 / columns all told."""
        count = rows * columns // 32
        if self.kind == gguf.GGMLQuantizationType.Q4_0:
            low, high = (self.random.integers(1, 16, (count, 16), numpy.uint8) for _ in range(2))
            values = low | high << 4
            deviation = (224 / 12) ** 0.5  # of whole numbers from -7 to 7
        else:
            values = self.random.integers(-127, 128, (count, 32), numpy.int8).view(numpy.uint8)
            deviation = (255**2 - 1) ** 0.5 / 12**0.5
        scales = self.random.uniform(0.8, 1.2, (count, 1)) / (deviation * columns**0.5)
        blocks = numpy.concatenate([scales.astype(numpy.float16).view(numpy.uint8), values], axis=1)
        self.file.add_tensor(name, blocks.reshape(rows, -1), raw_dtype=self.kind)

    def gain(self, name, count):
        self.file.add_tensor(name, self.random.uniform(0.8, 1.2, count).astype(numpy.float32))

    def tensors(self):
        queries, keys = self.heads * self.head_dim, self.kv_heads * self.head_dim
        self.matrix("token_embd.weight", self.vocabulary, self.hidden)
        self.gain("output_norm.weight", self.hidden)
        for layer in range(self.layers):
            block = f"blk.{layer}."
            for name, rows, columns in (
                ("attn_q", queries, self.hidden), ("attn_k", keys, self.hidden), ("attn_v", keys, self.hidden),
                ("attn_output", self.hidden, queries), ("ffn_gate", self.feed, self.hidden),
                ("ffn_up", self.feed, self.hidden), ("ffn_down", self.hidden, self.feed)):
                self.matrix(f"{block}{name}.weight", rows, columns)
            for name in ("attn_norm", "ffn_norm"):
                self.gain(f"{block}{name}.weight", self.hidden)
            if self.architecture == "gemma3":
                for name in ("post_attention_norm", "post_ffw_norm"):
                    self.gain(f"{block}{name}.weight", self.hidden)
                for name in ("attn_q_norm", "attn_k_norm"):
                    self.gain(f"{block}{name}.weight", self.head_dim)

    def write(self):
        self.metadata()
        self.tensors()
        self.file.write_header_to_file()
        self.file.write_kv_data_to_file()
        self.file.write_tensors_to_file()
        self.file.close()


def main():
    shape, quantization, target = sys.argv[1:]
    path = pathlib.Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    Writer(part, shape, quantization).write()
    os.replace(part, path)


if __name__ == "__main__":
    main()
