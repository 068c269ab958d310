"""llama.cpp behind the line protocol of `gemfill bench --requests`: one measure per line, answered by a line of JSON.

    python peer.py MODEL.gguf THREADS

    about                         build, system information, what became of the weights
    configure FLASH SWA UBATCH    flash attention 0|1, full-size sliding-window cache 0|1, tokens per pass
    prefill N | decode P N | cutback P K | greedy N ID... | logits K ID... | encode BYTE...
    keystroke P S N               suffix first: one more token typed in front of where generation goes on
    shipped P S N                 prefix first, as llama-server's /infill orders it

The clock runs inside llama.cpp's calls only: what Python needs between them is not counted against it. A keystroke
begins with text, as in llama-server, whose every request cuts prefix and suffix into tokens. Reuse of the cache follows
llama-server: the common beginning is kept, at least one token is evaluated, and where a sliding-window cache no longer
holds what the cut needs, the whole prompt is evaluated again.
"""

import ctypes
import json
import random
import sys
import time

import llama_cpp as llama
import numpy

log = []


@llama.llama_log_callback
def take_log(_level, text, _data):
    log.append(text.decode("utf-8", "replace"))


class Context:
    """One llama_context with the tokens that its cache holds."""

    def __init__(self, model, threads, positions, flash, full_window, ubatch):
        parameters = llama.llama_context_default_params()
        parameters.n_ctx = positions
        parameters.n_batch = 2048
        parameters.n_ubatch = ubatch
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.flash_attn_type = (
            llama.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED)
        parameters.swa_full = full_window
        self.model = model
        self.handle = llama.llama_init_from_model(model, parameters)
        if not self.handle:
            raise RuntimeError("no context: " + "".join(log[-3:]))
        self.memory = llama.llama_get_memory(self.handle)
        self.window = llama.llama_model_n_swa(model)
        self.pieces = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model))
        self.tokens = []
        self.seconds = 0.0

    def free(self):
        llama.llama_free(self.handle)

    def clear(self):
        llama.llama_memory_clear(self.memory, False)
        self.tokens = []

    def append(self, tokens):
        """Evaluates tokens, at most 2048 per call; the seconds that it took are added up."""
        for begin in range(0, len(tokens), 2048):
            piece = tokens[begin:begin + 2048]
            array = (llama.llama_token * len(piece))(*piece)
            batch = llama.llama_batch_get_one(array, len(piece))
            started = time.perf_counter()
            code = llama.llama_decode(self.handle, batch)
            llama.llama_synchronize(self.handle)
            self.seconds += time.perf_counter() - started
            if code != 0:
                raise RuntimeError(f"llama_decode: {code}")
        self.tokens += tokens

    def logits(self):
        """Of the last token; valid until the next call."""
        return numpy.ctypeslib.as_array(llama.llama_get_logits_ith(self.handle, -1), (self.pieces,))

    def best(self):
        return int(self.logits().argmax())

    def holds(self, kept):
        """Whether the next position after `kept` tokens finds all keys that it may look at."""
        oldest = llama.llama_memory_seq_pos_min(self.memory, 0)
        return self.window == 0 or oldest <= max(0, kept - self.window)

    def cut(self, kept):
        """Forgets what follows `kept` tokens; false where the whole sequence had to go."""
        if self.holds(kept) and llama.llama_memory_seq_rm(self.memory, 0, kept, -1):
            self.tokens = self.tokens[:kept]
            return True
        self.clear()
        return False

    def prompt(self, tokens):
        """Evaluates a prompt on top of what it shares with the last one; returns how many tokens that took."""
        shared = 0
        while shared < min(len(self.tokens), len(tokens) - 1) and self.tokens[shared] == tokens[shared]:
            shared += 1
        if shared < len(self.tokens):
            self.cut(shared)
        fresh = tokens[len(self.tokens):]
        self.append(fresh)
        return len(fresh)


class Peer:
    def __init__(self, path, threads):
        parameters = llama.llama_model_default_params()
        self.model = llama.llama_model_load_from_file(path.encode(), parameters)
        if not self.model:
            sys.exit("peer: cannot load " + path + ": " + "".join(log[-3:]))
        self.threads = threads
        self.settings = (1, 1, 512)
        self.contexts = {}
        self.typed = {}
        vocab = llama.llama_model_get_vocab(self.model)
        self.pieces = llama.llama_vocab_n_tokens(vocab)
        self.marks = {"prefix": llama.llama_vocab_fim_pre(vocab), "suffix": llama.llama_vocab_fim_suf(vocab),
                      "middle": llama.llama_vocab_fim_mid(vocab), "begin": llama.llama_vocab_bos(vocab)}

    def context(self, positions, settings=None):
        """The context of these settings, made anew where it is too small."""
        flash, full, ubatch = settings or self.settings
        key = (flash, full, ubatch)
        found = self.contexts.get(key)
        if found is None or found[0] < positions:
            if found:
                found[1].free()
            found = (positions, Context(self.model, self.threads, positions, bool(flash), bool(full), ubatch))
            self.contexts[key] = found
        return found[1]

    def some_tokens(self, count, seed=1):
        source = random.Random(seed)
        return [source.randrange(500, self.pieces) for _ in range(count)]

    def about(self):
        lines = "".join(log).splitlines()
        buffers = sorted({line.split(":", 1)[1].strip() for line in lines
                          if "model buffer size" in line or "REPACK" in line and "buffer size" in line})
        return {"version": llama.__version__, "library": llama.llama_version().decode(),
                "system": llama.llama_print_system_info().decode().strip(), "buffers": buffers,
                "model_bytes": llama.llama_model_size(self.model), "window": llama.llama_model_n_swa(self.model)}

    def configure(self, flash, full, ubatch):
        for _, context in self.contexts.values():
            context.free()
        self.contexts, self.typed = {}, {}
        self.settings = (flash, full, ubatch)
        return {}

    def prefill(self, count):
        context = self.context(max(count, 640))
        context.clear()
        context.seconds = 0.0
        context.append(self.some_tokens(count))
        return {"seconds": context.seconds}

    def decode(self, prompt, count):
        context = self.context(max(prompt + count, 640))
        context.clear()
        context.append(self.some_tokens(prompt))
        context.seconds = 0.0
        for _ in range(count):
            context.append([context.best()])
        return {"seconds": context.seconds}

    def words(self):
        """Up to 512 tokens that are a space and letters."""
        found = []
        vocab = llama.llama_model_get_vocab(self.model)
        for token in range(self.pieces):
            piece = llama.llama_vocab_get_text(vocab, token).decode("utf-8", "replace")
            if len(piece) >= 3 and piece[0] == "\u2581" and all("a" <= letter <= "z" for letter in piece[1:]):
                text = " " + piece[1:]
                if self.tokenize(text.encode())[0] == [token]:
                    found.append(text)
                    if len(found) == 512:
                        break
        return found

    def tokenize(self, text):
        """The tokens of a text and the seconds that cutting it took."""
        vocab = llama.llama_model_get_vocab(self.model)
        tokens = (llama.llama_token * (len(text) + 8))()
        started = time.perf_counter()
        count = llama.llama_tokenize(vocab, text, len(text), tokens, len(tokens), False, False)
        seconds = time.perf_counter() - started
        return list(tokens[:count]), seconds

    def stroke(self, name, prefix, suffix, count, full):
        key = (name, prefix, suffix, count)
        state = self.typed.get(key)
        if state is None:
            flash, _, ubatch = self.settings
            positions = prefix + suffix + count + 256
            # A cache of its own: the two orders are typed turn by turn.
            context = Context(self.model, self.threads, positions, bool(flash), full, ubatch)
            source, words = random.Random(3), self.words()
            before, behind = ([source.choice(words) for _ in range(count)] for count in (prefix, suffix))
            state = self.typed[key] = (context, source, words, before, "".join(behind).encode())
        context, source, words, before, behind = state
        before.append(source.choice(words))
        (left, first), (right, second) = self.tokenize("".join(before).encode()), self.tokenize(behind)
        marks = self.marks
        if name == "keystroke":
            prompt = [marks["begin"], marks["prefix"], marks["suffix"], *right, marks["middle"], *left]
        else:
            prompt = [marks["begin"], marks["prefix"], *left, marks["suffix"], *right, marks["middle"]]
        context.seconds = 0.0
        evaluated = context.prompt(prompt)
        prompt_seconds = context.seconds
        generated = [context.best()]
        while len(generated) < count:
            context.append(generated[-1:])
            generated.append(context.best())
        return {"seconds": first + second + context.seconds, "prompt_seconds": prompt_seconds,
                "decode_seconds": context.seconds - prompt_seconds, "evaluated": evaluated, "generated": count}

    def keystroke(self, prefix, suffix, count):
        return self.stroke("keystroke", prefix, suffix, count, True)

    def shipped(self, prefix, suffix, count):
        return self.stroke("shipped", prefix, suffix, count, False)

    def cutback(self, length, forgotten):
        context = self.context(max(length + 1, 640))
        tokens, extra = self.some_tokens(length), self.some_tokens(1, 2)
        kept = length - forgotten
        context.clear()
        context.append(tokens)
        holds = context.holds(kept)
        naive = None
        if not holds and llama.llama_memory_seq_rm(context.memory, 0, kept, -1):
            # What would come out if one went on nevertheless.
            try:
                context.append(extra)
                naive = context.logits().copy()
            except RuntimeError:
                pass
            context.clear()
            context.append(tokens)
        context.seconds = 0.0
        evaluated = context.prompt(tokens[:kept] + extra)
        seconds = context.seconds
        reused = context.logits().copy()
        context.clear()
        context.append(tokens[:kept] + extra)
        fresh = context.logits()
        return {"seconds": seconds, "evaluated": evaluated, "holds": holds,
                "largest_difference": float(abs(reused - fresh).max()),
                "difference_without_recomputing": None if naive is None else float(abs(naive - fresh).max())}

    def greedy(self, count, *tokens):
        context = self.context(max(len(tokens) + count, 640))
        context.clear()
        context.append(list(tokens))
        generated = []
        while len(generated) < count:
            generated.append(context.best())
            context.append(generated[-1:])
        return {"tokens": generated}

    def encode(self, *values):
        return {"tokens": self.tokenize(bytes(values))[0]}

    def firstlogits(self, count, *tokens):
        context = self.context(max(len(tokens), 640))
        context.clear()
        context.append(list(tokens))
        return {"logits": [float(value) for value in context.logits()[:count]]}


def main():
    path, threads = sys.argv[1], int(sys.argv[2])
    llama.llama_log_set(take_log, ctypes.c_void_p(0))
    llama.llama_backend_init()
    peer = Peer(path, threads)
    actions = {"about": peer.about, "configure": peer.configure, "prefill": peer.prefill, "decode": peer.decode,
               "keystroke": peer.keystroke, "shipped": peer.shipped, "cutback": peer.cutback,
               "greedy": peer.greedy, "logits": peer.firstlogits, "encode": peer.encode}
    for line in sys.stdin:
        name, *words = line.split()
        try:
            answer = actions[name](*map(int, words))
        except Exception as error:  # pylint: disable=broad-except  (one bad measure must not end the others)
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({**answer, "request": name}), flush=True)


if __name__ == "__main__":
    main()
