"""The figures of Benchmarks/training as Markdown."""


def table(results):
    """One row per shape: ours beside PEFT as users run it and at its best."""
    lines = ["| shape | Gemfill | PEFT as users run it | PEFT at its best | over the first | over the best |",
             "|---|---|---|---|---|---|"]
    for name, case in results["cases"].items():
        ours, modes = case["ours"], {mode: figures for mode, figures in case["peer"].items() if "speed" in figures}
        best = max(modes, key=lambda mode: modes[mode]["speed"], default=None)
        users = modes.get("users")
        lines.append("| " + " | ".join([
            f"{name}, {case['sequences']} × {case['length']}", _cell(ours), _cell(users),
            f"{_cell(modes[best])} ({best})" if best else "–", _ratio(ours, users), _ratio(ours, modes.get(best))]) + " |")
    return "\n".join(lines)


def notes(results):
    """What has to be known about the run."""
    machine = results["machine"]
    lines = [f"{machine['cpu']}, {machine['threads']} threads, commit {machine['commit']}, {machine['date']}. "
             "Loss on a quarter of the positions, rank 16 on all projections; tokens/s are medians, memory is the peak "
             "of the process."]
    lines.append(f"tcmalloc: {machine['tcmalloc'] or 'not installed here, so the peer ran without it'}.")
    if machine["neighbour"]:
        lines.append("**One foreign thread was running all the time.**")
    for name, case in results["cases"].items():
        failed = [f"{mode}: {figures['failed']}" for mode, figures in case["peer"].items() if "failed" in figures]
        if "failed" in case["ours"]:
            failed.append("gemfill: " + case["ours"]["failed"])
        if failed:
            lines.append(f"{name}: " + "; ".join(failed) + ".")
        if case["load"] > 0.05:
            lines.append(f"{name}: other processes took {case['load'] * 100:.0f} % of the processors meanwhile.")
    return "  \n".join(lines)


def _cell(figures):
    if not figures or "speed" not in figures:
        return "–"
    return f"{figures['speed']:.0f} tokens/s, {figures['peak_megabytes'] / 1000:.1f} GB"


def _ratio(ours, other):
    return f"{ours['speed'] / other['speed']:.2f}×" if other and "speed" in ours and "speed" in other else "–"
