"""Checkpoint -> gemfill-base-q8_0.gguf (llama.cpp's names and conventions), from that gemfill-base-q4_0.gguf by
`gemfill model quantize`, config.json and, if asked, safetensors."""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import gguf
import numpy
import sentencepiece
import torch

import tokenizer
from model import Config, write_config

LAYER_NAMES = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm"}


def gguf_name(name):
    if name == "model.embed_tokens.weight":
        return "token_embd.weight"
    if name == "model.norm.weight":
        return "output_norm.weight"
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{LAYER_NAMES[rest.removesuffix('.weight')]}.weight"


def load_checkpoint(folder):
    saved = torch.load(folder / "train/checkpoint.pt", map_location="cpu")
    return Config(**saved["config"]), {name: value.float() for name, value in saved["optimiser"]["master"].items()}, saved


def add_tokenizer(writer, path):
    """Runs of spaces are NORMAL pieces of score 0, as in published Gemma files: llama.cpp prints user-defined pieces
    literally, and merging at the highest score, leftmost first, takes the same longest runs."""
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    tokens, scores, kinds = [], [], []
    user = {text.replace(" ", "\u2581") for text in tokenizer.user_symbols()}
    for index in range(pieces.get_piece_size()):
        piece = pieces.id_to_piece(index)
        kind = gguf.TokenType.NORMAL
        if pieces.is_unknown(index):
            kind = gguf.TokenType.UNKNOWN
        elif pieces.is_control(index):
            kind = gguf.TokenType.CONTROL
        elif pieces.is_byte(index):
            kind = gguf.TokenType.BYTE
        elif piece in user and "\u2581" not in piece:
            kind = gguf.TokenType.USER_DEFINED
        tokens.append(piece.encode())
        scores.append(pieces.get_score(index))
        kinds.append(int(kind))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(tokenizer.BOS)
    writer.add_eos_token_id(tokenizer.EOS)
    writer.add_unk_token_id(tokenizer.UNK)
    writer.add_pad_token_id(tokenizer.PAD)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    for name, index in (("pre", tokenizer.PREFIX), ("suf", tokenizer.SUFFIX), ("mid", tokenizer.MIDDLE),
                        ("sep", tokenizer.SEPARATOR)):
        writer.add_uint32(f"tokenizer.ggml.fim_{name}_token_id", index)


def write_gguf(path, config, weights, model_path):
    part = path.with_suffix(".part")
    writer = gguf.GGUFWriter(str(part), "gemma3")
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name("gemfill-base")
    writer.add_license("apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_sliding_window(config.sliding_window)
    writer.add_uint32("gemma3.attention.sliding_window_pattern", config.sliding_window_pattern)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_float32("gemma3.rope.freq_base_swa", config.rope_local_base_freq)
    writer.add_vocab_size(config.vocab_size)
    add_tokenizer(writer, model_path)
    for name, value in weights.items():
        array = value.numpy().astype(numpy.float32)
        if array.ndim == 2:
            packed = gguf.quants.quantize(array, gguf.GGMLQuantizationType.Q8_0)
            writer.add_tensor(gguf_name(name), packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(gguf_name(name), array + 1)  # llama.cpp's weight is 1 + w
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(part, path)


def importance_sample(folder, size=250_000):
    """A folder of training files of all languages, whose use of the weights says which errors of rounding matter."""
    sample = folder / "importance"
    shutil.rmtree(sample, ignore_errors=True)
    for name, endings in tokenizer.ENDINGS.items():
        left = size * tokenizer.MIX[name] // sum(tokenizer.MIX.values())
        files = [path for path in (folder / "tree").rglob("*") if path.suffix[1:] in endings and path.is_file() and path.stat().st_size < 20_000]
        for path in sorted(files, key=lambda path: hashlib.sha256(str(path.relative_to(folder)).encode()).digest()):
            left -= path.stat().st_size
            if left < 0:
                break
            place = sample / path.relative_to(folder / "tree")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    return sample


def write_four_bits(folder, source, path):
    """The program's report: the relative error of the weights, and what rounding costs on the sample."""
    import carve
    arguments = [carve.program(), "model", "quantize", str(source), "--type", "q4_0", "--importance", str(importance_sample(folder)),
                 "--out", str(path.with_suffix(".part")), "--json", "--quiet"]
    done = subprocess.run(arguments, env=dict(os.environ, GEMFILL_HOME=str(folder / "home")), stdout=subprocess.PIPE, check=True)
    os.replace(path.with_suffix(".part"), path)
    return json.loads(done.stdout)


def write_safetensors(folder, config, weights):
    from safetensors.torch import save_file
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    write_config(folder / "config.json", config)


def check_against_transformers(folder, config, weights):
    """Largest difference of logits between model.py and transformers on the same safetensors."""
    from transformers import Gemma3ForCausalLM
    from model import Gemma3
    theirs = Gemma3ForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ours = Gemma3(config).eval()
    ours.load_state_dict(weights)
    torch.manual_seed(0)
    ids = torch.randint(107, config.vocab_size, (2, min(700, config.max_position_embeddings)))
    with torch.no_grad():
        return float((theirs(ids).logits - ours(ids)).abs().max())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, help="folder of the model")
    parser.add_argument("--safetensors", type=pathlib.Path, help="also write a transformers directory and compare logits")
    parser.add_argument("--untrained", type=pathlib.Path, help="only write a GGUF without training, for its vocabulary")
    options = parser.parse_args()
    options.dir = options.dir.resolve()
    pieces = options.dir / "tokenizer.model"
    if options.untrained:
        from model import Gemma3
        config = Config()
        write_gguf(options.untrained, config, {name: value.detach() for name, value in Gemma3(config).named_parameters()}, pieces)
        return
    if not options.out:
        parser.error("--out or --untrained is needed")
    config, weights, saved = load_checkpoint(options.dir)
    options.out.mkdir(parents=True, exist_ok=True)
    full, small = (options.out / f"gemfill-base-{kind}.gguf" for kind in ("q8_0", "q4_0"))
    write_gguf(full, config, weights, pieces)
    rounded = write_four_bits(options.dir, full, small)
    write_config(options.out / "config.json", config)
    shutil.copyfile(pieces, options.out / "tokenizer.model")
    report = dict(tokens_seen=saved["seen"], minutes=round(saved["clock"] / 60, 1), parameters=sum(v.numel() for v in weights.values()),
                  bytes=full.stat().st_size + small.stat().st_size,
                  four_bits={key: rounded[key] for key in ("embedding", "relative_error", "bits_per_byte_before", "bits_per_byte") if key in rounded})
    if options.safetensors:
        write_safetensors(options.safetensors, config, weights)
        report["largest_difference_of_logits_from_transformers"] = check_against_transformers(options.safetensors, config, weights)
    (options.dir / "export.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
