"""llama.cpp, asked by lines of JSON on standard input; each is answered by a line of JSON. Runs in any Python with
llama-cpp-python.

    {"model": PATH, "lora": PATH or null, "tokens": [[ID...]...], "text": T, "greedy": N, "loss": bool, "logits": OUT.npy}

    {"quantize": PATH, "to": PATH, "type": N}      N: a number of llama_ftype

A model is loaded afresh for each line. Of what is asked for: `ids` of the text; `greedy`, the N most probable tokens
after each sequence; `nats`, minus the logarithm of the probability of all tokens but the first of each sequence; the
logits of all positions of the first sequence go to a file.
"""

import ctypes
import json
import sys

import llama_cpp as llama
import numpy

log = []


@llama.llama_log_callback
def take_log(_level, text, _data):
    log.append(text.decode("utf-8", "replace"))


def fail(what):
    raise RuntimeError(what + ": " + "".join(log[-4:]).strip())


class Model:
    def __init__(self, path, lora):
        parameters = llama.llama_model_default_params()
        self.model = llama.llama_model_load_from_file(path.encode(), parameters)
        if not self.model:
            fail(f"llama.cpp cannot load {path}")
        context = llama.llama_context_default_params()
        context.n_ctx = context.n_batch = context.n_ubatch = 2048
        context.n_threads = context.n_threads_batch = 2
        # What is compared is the file, not the rounding of keys and values.
        context.type_k = context.type_v = 0
        context.flash_attn_type = llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.context = llama.llama_init_from_model(self.model, context)
        if not self.context:
            fail("no context")
        if lora:
            adapter = llama.llama_adapter_lora_init(self.model, lora.encode())
            if not adapter:
                fail(f"llama.cpp cannot load {lora}")
            adapters = (llama.llama_adapter_lora_p_ctypes * 1)(adapter)
            scales = (ctypes.c_float * 1)(1.0)
            if llama.llama_set_adapters_lora(self.context, adapters, 1, scales) != 0:
                fail("the adapter is refused")
        self.vocab = llama.llama_model_get_vocab(self.model)
        self.pieces = llama.llama_vocab_n_tokens(self.vocab)

    def free(self):
        llama.llama_free(self.context)
        llama.llama_model_free(self.model)

    def encode(self, text):
        data = text.encode()
        ids = (llama.llama_token * (len(data) + 16))()
        count = llama.llama_tokenize(self.vocab, data, len(data), ids, len(ids), False, False)
        return list(ids[:count])

    def evaluate(self, tokens, position=0):
        """Logits of all tokens, [tokens, pieces], float32."""
        batch = llama.llama_batch_init(len(tokens), 0, 1)
        for index, token in enumerate(tokens):
            batch.token[index], batch.pos[index] = token, position + index
            batch.n_seq_id[index], batch.seq_id[index][0], batch.logits[index] = 1, 0, 1
        batch.n_tokens = len(tokens)
        if position == 0:
            llama.llama_memory_clear(llama.llama_get_memory(self.context), True)
        if llama.llama_decode(self.context, batch) != 0:
            fail("llama_decode")
        rows = [
            numpy.ctypeslib.as_array(llama.llama_get_logits_ith(self.context, index), (self.pieces,)).copy()
            for index in range(len(tokens))
        ]
        llama.llama_batch_free(batch)
        return numpy.stack(rows)

    def greedy(self, tokens, count):
        best, position = int(self.evaluate(tokens)[-1].argmax()), len(tokens)
        found = [best]
        while len(found) < count:
            best, position = int(self.evaluate([best], position)[0].argmax()), position + 1
            found.append(best)
        return found

    def nats(self, tokens):
        logits = self.evaluate(tokens)[:-1].astype(numpy.float64)
        largest = logits.max(1, keepdims=True)
        logs = logits - largest - numpy.log(numpy.exp(logits - largest).sum(1, keepdims=True))
        return -float(logs[numpy.arange(len(tokens) - 1), tokens[1:]].sum())


def quantize(request):
    parameters = llama.llama_model_quantize_default_params()
    parameters.ftype, parameters.nthread = request["type"], 2
    source, target = request["quantize"].encode(), request["to"].encode()
    if llama.llama_model_quantize(source, target, ctypes.byref(parameters)) != 0:
        fail("llama_model_quantize")
    return {}


def answer(request):
    if "quantize" in request:
        return quantize(request)
    model = Model(request["model"], request.get("lora"))
    result = {}
    tokens = request.get("tokens", [])
    if "text" in request:
        result["ids"] = model.encode(request["text"])
    if "greedy" in request:
        result["greedy"] = [model.greedy(ids, request["greedy"]) for ids in tokens]
    if request.get("loss"):
        result["nats"] = [model.nats(ids) for ids in tokens]
    if "logits" in request:
        numpy.save(request["logits"], model.evaluate(tokens[0]))
    model.free()
    return result


def main():
    llama.llama_log_set(take_log, ctypes.c_void_p(0))
    llama.llama_backend_init()
    for line in sys.stdin:
        try:
            result = answer(json.loads(line))
        except Exception as error:  # the test decides what a failure means
            result = {"error": str(error)}
        print(json.dumps(result), flush=True)


main()
