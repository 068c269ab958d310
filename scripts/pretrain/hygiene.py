"""Packages -> one file of clean source texts (corpus.jsonl) and the held-out texts.

Drops what is vendored, generated, minified, too large, binary, mostly data, copyleft or
a (near) duplicate; strips licence headers; caps what one package may contribute.
"""
import argparse
import collections
import hashlib
import json
import multiprocessing
import pathlib
import re
import sys
import tarfile
import zlib

HERE = pathlib.Path(__file__).resolve().parent
LANGUAGES = {
    "py": "python", "pyi": "python", "js": "javascript", "mjs": "javascript", "cjs": "javascript", "jsx": "javascript",
    "ts": "typescript", "mts": "typescript", "tsx": "tsx", "go": "go", "rs": "rust", "java": "java",
    "c": "c", "h": "c", "cc": "cpp", "cpp": "cpp", "cxx": "cpp", "hpp": "cpp", "hh": "cpp", "hxx": "cpp",
    "swift": "swift", "rb": "ruby"}
SKIP_PARTS = {
    "vendor", "vendored", "_vendor", "_vendored", "third_party", "third-party", "thirdparty", "3rdparty", "node_modules",
    "extern", "external", "extlib", "deps", "dist", "build", "locale", "locales", "migrations", "testdata", "test_data",
    "fixtures", "fixture", "snapshots", "__snapshots__", "baselines", "generated", "gen", "ext", "submodules",
    "textual", "rich", "httpx", "starlette"}
# kilobytes of one language from one package, so that no project rules the mix
CAP_KB = {"python": 3000, "javascript": 2600, "typescript": 3000, "tsx": 1500, "go": 4500, "rust": 3600,
          "java": 2200, "c": 2200, "cpp": 2600, "swift": 12000, "ruby": 2500}
GENERATED = re.compile(r"generated (by|from|with|using|code|file|automatically)|auto-?generated|@generated|do not edit", re.I)
COPYLEFT = re.compile(r"general public licen|\bA?L?GPL|mozilla public|eclipse public|\bCDDL|\bEUPL|creative ?commons|CC-BY|"
                      r"SPDX-License-Identifier:\s*(A?L?GPL|MPL|EPL|CC-BY)", re.I)
LICENCE_HEADER = re.compile(r"licen[cs]e|copyright|SPDX", re.I)
TEST = re.compile(r"(^|[/_.-])(tests?|testing|spec|benchmarks?|examples?|conftest)([/_.-]|$)", re.I)


def language_of(path, text):
    language = LANGUAGES.get(path.rpartition(".")[2].lower())
    if language == "c" and path.endswith(".h") and re.search(r"^\s*(class|namespace|template)\b|std::", text, re.M):
        return "cpp"
    return language


def strip_licence(text):
    """Without a leading comment block that talks of licence or copyright."""
    start = re.match(r"\s*(/\*.*?\*/[ \t]*\n|(?:[ \t]*(?:#(?!!)|//)[^\n]*\n)+)", text, re.S)
    if start and len(start.group(0)) < 6000 and LICENCE_HEADER.search(start.group(0)):
        return text[start.end():].lstrip("\n")
    return text


def acceptable(path, text):
    """Why a text is dropped, or None."""
    if not 150 <= len(text) <= 120_000:
        return "size"
    if GENERATED.search(text[:800]):
        return "generated"
    if COPYLEFT.search(text[:6000]):
        return "copyleft"
    lines = text.split("\n")
    if max(map(len, lines)) > 500 or len(text) / len(lines) > 75 or re.search(r"\.min\.|[.-]bundle\.", path):
        return "minified"
    letters = sum(map(str.isalpha, text[:20000])) / len(text[:20000])
    digits = sum(map(str.isdigit, text[:20000])) / len(text[:20000])
    if letters < 0.35 or digits > 0.16 or text.count("\\x") + text.count("\\u") > len(text) / 60:
        return "data"
    if len(re.sub(r"[\x00-\x7f]", "", text)) > len(text) * 0.08:
        return "prose"
    return None


def read_package(job):
    """All acceptable files of one archive: (package row, [(path, language, text)], dropped counts)."""
    package, archive = job
    kept, dropped = [], collections.Counter()
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = member.name.split("/")[1:]
            extension = member.name.rpartition(".")[2].lower()
            if not member.isfile() or extension not in LANGUAGES or not parts:
                continue
            if not 150 <= member.size <= 150_000:
                dropped["size"] += 1
                continue
            if any(part.lower() in SKIP_PARTS for part in parts[:-1]):
                dropped["vendored"] += 1
                continue
            if package.get("only") and LANGUAGES[extension] not in package["only"]:
                continue
            try:
                text = tar.extractfile(member).read().decode("utf-8")
            except UnicodeDecodeError:
                dropped["binary"] += 1
                continue
            text = text.replace("\r\n", "\n")
            path = "/".join(parts)
            reason = acceptable(path, text) or (None if len(text := strip_licence(text)) >= 150 else "size")
            if reason:
                dropped[reason] += 1
            elif TEST.search(path) and zlib.crc32(path.encode()) % 100 >= 45:
                dropped["tests beyond their share"] += 1
            else:
                kept.append((path, language_of(path, text), text.rstrip("\n") + "\n"))
    kept.sort(key=lambda item: hashlib.sha256(item[0].encode()).digest())
    return package, kept, dropped


def line_keys(text):
    return {zlib.crc32(line.strip().encode()) for line in text.split("\n") if len(line.strip()) > 24}


def is_held_out(package, path):
    """2 % of the files, by a hash of package name and path."""
    return int.from_bytes(hashlib.sha256(f"{package}/{path}".encode()).digest()[:4], "big") % 50 == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    folder = parser.parse_args().dir
    pins = json.loads((HERE / "corpus.json").read_text())
    locate = lambda items: [(p, folder / "packages" / p["file"]) for p in items if (folder / "packages" / p["file"]).exists()]

    foreign = set()
    with open(folder / "heldout-packages.jsonl", "w") as out:
        for package, files, _ in map(read_package, locate(pins["held_out"])):
            for path, language, text in files:
                foreign |= line_keys(text)
                out.write(json.dumps(dict(package=package["name"], path=path, language=language, text=text)) + "\n")

    seen, hashes = collections.defaultdict(set), set()
    dropped, sizes = collections.Counter(), collections.Counter()
    by_licence, packages = collections.Counter(), collections.Counter()
    with multiprocessing.Pool(2) as pool, open(folder / "corpus.jsonl", "w") as out, \
            open(folder / "heldout-files.jsonl", "w") as held:
        for package, files, reasons in pool.imap(read_package, locate(pins["packages"])):
            dropped += reasons
            used = collections.Counter()
            for path, language, text in files:
                if used[language] > CAP_KB[language] * 1000:
                    dropped["beyond the package's share"] += 1
                    continue
                digest = hashlib.sha256(re.sub(r"\s+", "", text).encode()).digest()
                keys = line_keys(text)
                if digest in hashes or (len(keys) >= 6 and len(keys & seen[language]) > 0.6 * len(keys)):
                    dropped["duplicate"] += 1
                    continue
                if len(keys) >= 6 and len(keys & foreign) > 0.4 * len(keys):
                    dropped["like a held-out package"] += 1
                    continue
                hashes.add(digest)
                seen[language] |= keys
                used[language] += len(text)
                row = json.dumps(dict(package=package["name"], path=path, language=language, text=text)) + "\n"
                if is_held_out(package["name"], path):
                    held.write(row)
                    continue
                out.write(row)
                sizes[language] += len(text)
                by_licence[package["licence"]] += len(text)
                packages[package["name"]] += len(text)
    summary = dict(characters_by_language=dict(sizes.most_common()), characters_by_licence=dict(by_licence.most_common()),
                   characters=sum(sizes.values()), packages=len(packages), dropped_files=dict(dropped.most_common()))
    (folder / "hygiene.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(json.dumps(summary, indent=1), file=sys.stderr)
    print("largest packages:", packages.most_common(25), file=sys.stderr)


if __name__ == "__main__":
    main()
