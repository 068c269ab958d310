"""The results of Benchmarks/engine as Markdown tables for docs/performance.md."""

import math

# What the engine has to reach: (least ratio to llama.cpp, least share of the floor).
TARGETS = {
    ("small26m", "decode"): (1.3, None), ("small26m", "prefill"): (2.0, None),
    ("gemma3-270m", "decode"): (1.8, 0.7), ("gemma3-270m", "prefill"): (2.5, None),
    ("gemma3-270m", "shortlist"): (3.0, None),
    ("gemma3-1b", "decode"): (1.8, 0.7), ("gemma3-1b", "prefill"): (2.5, None),
    ("codegemma-2b", "decode"): (1.8, 0.7), ("codegemma-2b", "prefill"): (2.5, None),
}
KEYSTROKE_TARGETS = {"small26m": 8.0, "gemma3-270m": 70.0}
BUSY = 0.1


def number(value, digits=3):
    """`digits` significant digits, thousands apart."""
    if value is None:
        return "–"
    places = max(0, digits - len(str(int(abs(value)))) - (0 if abs(value) >= 1 else -1))
    return f"{value:,.{places}f}".replace(",", " ")


def share(value):
    return "–" if value is None else f"{value * 100:.0f} %"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def needs(case, what):
    """Floor in tokens per second, what a token needs, and the limit, as (number, text, text)."""
    limits = case["limits"]
    if what != "prefill":
        size = case[what].get("bytes_per_token", limits["bytes_per_token"])
        floor = limits["read_bandwidth"] / size
        return floor, f"{number(size / 1e6)} MB read", f"{number(limits['read_bandwidth'] / 1e9)} GB/s"
    operations = 2 * limits["body_weights"]
    return limits["int8"] / operations, f"{number(operations / 1e9)} GOP", f"{number(limits['int8'] / 1e9)} GOP/s"


def verdict(shape, what, ratio, reached):
    least_ratio, least_share = TARGETS[shape, what]
    words = [f"≥ {least_ratio:g}×"] + ([f"≥ {least_share * 100:.0f} %"] if least_share else [])
    met = ratio is not None and ratio >= least_ratio and (not least_share or reached >= least_share)
    return " and ".join(words) + (": met" if met else ": missed" if ratio is not None else "")


def speed_rows(case):
    for what in ("decode", "shortlist", "prefill"):
        if what not in case:
            continue
        figures = case[what]
        name = f"{what} of {figures['count']}, {case['shape']} {case['format'].upper()}"
        if what == "shortlist":
            name = f"decode with {number(figures['rows'], 5)} rows of the head, {case['shape']} {case['format'].upper()}"
        floor, need, limit = needs(case, what)
        ours, peer = figures["ours"], figures.get("peer")
        ratio = ours / peer if peer else None
        yield [
            name, number(ours), number(peer), f"{ratio:.2f}×" if ratio else "–", need, limit, number(floor),
            share(ours / floor), share(peer / floor if peer and what != "shortlist" else None),
            verdict(case["shape"], what, ratio, ours / floor)]


def keystroke_rows(case):
    figures = case["keystroke"]
    names = {"ours": "gemfill, suffix first", "peer": "llama.cpp at its best: suffix first, full-size window",
             "peer_shipped": "llama.cpp as shipped: prefix first"}
    ours = figures["ours"]["seconds"]
    limits = case["limits"]
    floor = figures["ours"]["generated"] * limits["bytes_per_token"] / limits["read_bandwidth"]
    for key, name in names.items():
        if key not in figures:
            continue
        row = figures[key]
        extra = f"{row['seconds'] / ours:.1f}×"
        if key == "ours":
            target = KEYSTROKE_TARGETS[case["shape"]]
            best = figures.get("peer", {}).get("seconds")
            met = ours * 1000 <= target and (not best or case["shape"] == "small26m" or best >= 2 * ours)
            extra = f"target ≤ {target:.0f} ms: {'met' if met else 'missed'}; floor {number(floor * 1000, 2)} ms"
        rest = row.get("rest_seconds")
        yield [case["shape"], name, f"{row['evaluated']:.0f}", number(row["prompt_seconds"] * 1000),
               number(row["decode_seconds"] * 1000), number(None if rest is None else rest * 1000, 2),
               number(row["seconds"] * 1000), extra]


def cut_back_rows(case):
    for row in case["cut_back"]:
        cells = [f"{case['shape']}, {row['forgotten']} of {row['context']} tokens"]
        for key in ("ours", "peer_shipped", "peer_full_window"):
            figures = row.get(key)
            cells.append("–" if figures is None else
                         f"{figures['evaluated']} in {number(figures['seconds'] * 1000)} ms")
        wrong = (row.get("peer_shipped") or {}).get("difference_without_recomputing")
        cells += [number(row["ours"]["largest_difference"], 2), number(wrong, 2)]
        yield cells


def markdown(results):
    cases = [case for case in results["cases"].values() if "error" not in case]
    failed = [case for case in results["cases"].values() if "error" in case]
    parts = []
    if cases:
        parts.append(conditions(cases))
        parts.append(table(
            ["what", "gemfill, tokens/s", "llama.cpp", "ratio", "a token needs", "machine's limit", "floor, tokens/s",
             "share reached", "by llama.cpp", "target"], [row for case in cases for row in speed_rows(case)]))
    typed = [case for case in cases if "keystroke" in case]
    if typed:
        parts.append("One token typed per request between 1 500 and 500 tokens, 8 generated greedily; medians of 15:")
        parts.append(table(
            ["shape", "engine", "prompt tokens evaluated", "prompt ms", "8 tokens ms", "text to tokens ms", "total ms", ""],
            [row for case in typed for row in keystroke_rows(case)]))
        parts.append(
            "Cutting back inside a sliding window of 512 and going on with one token: what is evaluated, in what time. "
            "The last two columns are largest differences of logits: of ours from a fresh evaluation, and of "
            "llama.cpp's as shipped if it did not evaluate everything again.")
        parts.append(table(
            ["forgotten", "gemfill", "llama.cpp as shipped", "llama.cpp, full-size window", "gemfill differs by",
             "llama.cpp would differ by"], [row for case in typed for row in cut_back_rows(case)]))
    adapters = [case for case in typed if case.get("adapter")]
    if adapters:
        parts.append("An unmerged adapter of rank 16 on all seven projections, decode with and without, turn by turn "
                     "(target: at most 8 %). Its factors are read beside the weights: what that adds to the bytes is the floor of the "
                     "cost.")
        parts.append(table(["shape", "without, tokens/s", "with", "cost", "bytes added"], [
            [case["shape"], number(case["adapter"]["without_tokens_per_second"]),
             number(case["adapter"]["with_tokens_per_second"]), f"{case['adapter']['cost'] * 100:.1f} %",
             f"{case['adapter']['bytes_share'] * 100:.1f} %" if "bytes_share" in case["adapter"] else "–"]
            for case in adapters]))
    parts += [f"{case['shape']} {case['format']}: {case['error']}" for case in failed]
    parts.append(checks(results, cases))
    return "\n\n".join(part for part in parts if part)


def conditions(cases):
    first = cases[0]
    peer = next((case["peer"] for case in cases if "peer" in case), None)
    lines = [f"Machine: {first['threads']} threads on {first['cpu']}; kernels {first['limits']['kernels']}; "
             + ", ".join(sorted({f"commit {case['commit']} of {case['date']}" for case in cases})) + "."]
    if peer:
        flags = [word.strip() for word in peer["system"].split("|")]
        shown = [flag.split()[0] for flag in flags if flag.startswith(("AVX", "REPACK", "OPENMP"))]
        lines.append(f"llama.cpp of llama-cpp-python {peer['version']}, compiled natively ({', '.join(shown)}).")
        for case in cases:
            if "settings" in case:
                chosen = ", ".join(
                    f"{what}: flash attention {'on' if flash else 'off'}, {ubatch} tokens per pass"
                    for what, (flash, _, ubatch) in case["settings"].items())
                packed = [text for text in case["peer"]["buffers"] if "REPACK" in text]
                amount = packed[0].split("=")[1].strip() + " of weights" if packed else "nothing"
                lines.append(f"{case['shape']} {case['format'].upper()}: {chosen}; {amount} repacked.")
    busy = [f"{case['shape']} {case['format']} ({case['foreign_load'] * 100:.0f} %)" for case in cases
            if case.get("foreign_load", 0) > BUSY]
    if busy:
        lines.append("**Other processes were running meanwhile** (share of the processors): " + ", ".join(busy)
                     + ". llama.cpp's barriers suffer most from that: neither times nor ratios of such a run count.")
    return "  \n".join(lines)


def checks(results, cases):
    lines = []
    cosines = [case["agreement"]["cosine"] for case in cases if "agreement" in case]
    if cosines:
        lines.append(f"Both engines compute the same: cosine of their logits at least {min(cosines):.4f}.")
    rows = results.get("same_tokens")
    if rows:
        ids = sum(row["ids_equal"] for row in rows)
        gaps = [row["gap"] for row in rows if "gap" in row]
        equal, all_ = sum(row["equal"] for row in rows), sum(row["generated"] for row in rows)
        lines.append(f"On the embedded base, {ids} of {len(rows)} texts are cut into the same tokens and {equal} of "
                     f"{all_} greedy tokens are equal up to the first difference of each text"
                     + (f", which comes where two logits are at most {math.ceil(max(gaps) * 100) / 100:.2f} apart."
                        if gaps else "."))
    return " ".join(lines)
