"""Packages -> a tree with one folder per package (tree/NAME/...), for `gemfill carve` to read, and tree.json.

Only the choice of files is made here: known languages, and so many bytes of one language from one package that no
project rules the mix. What is vendored, generated, minified, secret, copyleft or a copy is for the carver to find.
"""
import argparse
import collections
import hashlib
import json
import multiprocessing
import pathlib
import re
import shutil
import sys
import tarfile

HERE = pathlib.Path(__file__).resolve().parent
LANGUAGES = {
    "py": "python", "js": "javascript", "mjs": "javascript", "cjs": "javascript", "jsx": "javascript", "ts": "typescript",
    "mts": "typescript", "tsx": "typescript", "go": "go", "rs": "rust", "java": "java", "c": "c", "h": "c", "cc": "cpp",
    "cpp": "cpp", "cxx": "cpp", "hpp": "cpp", "hh": "cpp", "hxx": "cpp", "swift": "swift", "rb": "ruby", "sh": "bash",
    "lua": "lua"}
# Folders that the carver leaves out as vendored, or that hold data rather than code: they must not use up a share.
SKIPPED = re.compile(
    r"(^|/)(_?vendor(ed)?|_vendored|third[_-]?party|3rdparty|node_modules|extern(al)?|extlib|submodules|dist|locales?|"
    r"migrations|test_?data|fixtures?|(__)?snapshots(__)?|baselines|generated)/", re.I)
TEST = re.compile(r"(^|[/_.-])(tests?|testing|spec|benchmarks?|examples?|conftest)([/_.-]|$)", re.I)
SMALLEST, LARGEST = 150, 120_000
# kilobytes of one language from one package
CAP_KB = collections.defaultdict(lambda: 2500, python=3000, javascript=2600, typescript=4000, go=4500, rust=3600,
                                 java=2200, c=2200, cpp=2600, swift=12000, bash=300, lua=600)


def wanted_files(package, archive):
    """(path, language, bytes) of the archive's code, in an order that depends only on the paths; tests come last."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = member.name.partition("/")[2]
            language = LANGUAGES.get(path.rpartition(".")[2].lower())
            if not member.isfile() or not language or not SMALLEST <= member.size <= LARGEST:
                continue
            if SKIPPED.search(path) or ".." in path.split("/") or language not in package.get("only", [language]):
                continue
            yield path, language, tar.extractfile(member).read()


def extract(job):
    package, archives, target = job
    files = [file for archive in archives for file in wanted_files(package, archive)]
    files.sort(key=lambda file: (bool(TEST.search(file[0])), hashlib.sha256(file[0].encode()).digest()))
    used = collections.Counter()
    for path, language, data in files:
        # Tests may have a third of a package's share.
        cap = CAP_KB[language] * (333 if TEST.search(path) else 1000)
        if used[language, TEST.search(path) is None] + len(data) > cap or used[language, True] + len(data) > CAP_KB[language] * 1000:
            continue
        used[language, TEST.search(path) is None] += len(data)
        place = target / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        except (FileExistsError, NotADirectoryError):
            continue  # a file and a folder of one name in two tarballs of a package
    bytes_of = collections.Counter()
    for (language, _), count in used.items():
        bytes_of[language] += count
    return package["name"], package["licence"], dict(bytes_of)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    folder = parser.parse_args().dir
    pins = json.loads((HERE / "corpus.json").read_text())
    excluded = {name.lower() for name in pins["excluded_by_name"]}
    groups = {}
    for package in pins["packages"]:
        if package["name"].lower() in excluded:
            sys.exit(f"corpus.json: {package['name']} is held out by name")
        archive = folder / "packages" / package["file"]
        if archive.exists():
            groups.setdefault(package["name"], (package, []))[1].append(archive)
    tree = folder / "tree"
    part = folder / "tree.part"
    shutil.rmtree(part, ignore_errors=True)
    jobs = [(package, archives, part / name) for name, (package, archives) in groups.items()]
    jobs.sort(key=lambda job: -sum(archive.stat().st_size for archive in job[1]))
    rows = []
    with multiprocessing.Pool() as pool:
        for name, licence, sizes in pool.imap_unordered(extract, jobs):
            rows.append(dict(name=name, licence=licence, bytes_by_language=sizes))
    shutil.rmtree(tree, ignore_errors=True)
    part.rename(tree)
    total = collections.Counter()
    for row in rows:
        total.update(row["bytes_by_language"])
    summary = dict(bytes=sum(total.values()), bytes_by_language=dict(total.most_common()),
                   packages=sorted(rows, key=lambda row: row["name"]))
    (folder / "tree.json").write_text(json.dumps(summary, indent=1) + "\n")
    print(json.dumps(dict(summary, packages=len(rows)), indent=1), file=sys.stderr)


if __name__ == "__main__":
    main()
