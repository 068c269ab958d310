"""Resolve and fetch the pinned source packages.

    fetch.py resolve --dir D    sources.txt -> corpus.json (maintainers only: moves the pins)
    fetch.py fetch --dir D      download what corpus.json pins and check every SHA-256

Two registries: PyPI sdists and Debian source packages (through apt with its own
state directory, so neither root nor changes to the machine are needed). What is held out
for tests are git repositories with their history, at a pinned commit: heldout/NAME has the
history, heldout-tree/NAME the code of that commit.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from pip._internal.models.index import PyPI

HERE = pathlib.Path(__file__).resolve().parent
MAX_BYTES = {"pypi": 60_000_000, "debian": 250_000_000}
CODE = re.compile(r"\.(py|tsx?|jsx?|mjs|rs|go)$")
LICENCES = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "PSF-2.0", "ISC", "MIT-CMU", "curl"}


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def get(url, timeout=120, accept="*/*"):
    for attempt in range(4):
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "gemfill-pretrain", "Accept": accept})
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return reply.read()
        except urllib.error.HTTPError as error:
            if error.code == 404 or attempt == 3:
                raise
        except (OSError, TimeoutError):
            if attempt == 3:
                raise
        time.sleep(2 ** attempt)


def write_whole(path, data):
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


# ---------------------------------------------------------------- PyPI

def newest_sdist(name):
    """The sdist of the newest release, as PyPI states it."""
    data = json.loads(get(f"{PyPI.pypi_url}/{name}/json"))
    for file in data["urls"]:
        if file["packagetype"] == "sdist":
            return data["info"], file
    return data["info"], None


# ---------------------------------------------------------------- Debian

def debian_mirror():
    """The archive that this machine's apt uses."""
    run = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        check=True, capture_output=True, text=True)
    archives = [line for line in run.stdout.split() if line.rstrip("/").endswith("/debian")]
    if not archives:
        raise OSError("apt knows no Debian archive; see /etc/apt/sources.list")
    return archives[0]


class Apt:
    """A private apt state: only source entries, nothing of the machine is touched."""

    def __init__(self, root, suite):
        self.root, self.lock = root, threading.Lock()
        for folder in ("lists/partial", "cache/archives/partial", "etc"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        (root / "etc/sources.list").write_text(
            f"deb-src [signed-by={keyring}] {debian_mirror()} {suite} main\n")
        (root / "etc/status").write_text("")
        self.options = [
            "-o", f"Dir::Etc::sourcelist={root}/etc/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null",
            "-o", f"Dir::State::lists={root}/lists", "-o", f"Dir::State::status={root}/etc/status",
            "-o", f"Dir::Cache={root}/cache", "-o", "APT::Sandbox::User=", "-o", "Acquire::Languages=none"]

    def update(self):
        with self.lock:
            if any(self.root.glob("lists/*Sources*")):
                return
            subprocess.run(["apt-get", *self.options, "-q", "update"], check=True, stdout=sys.stderr)

    def records(self, name):
        run = subprocess.run(["apt-cache", *self.options, "showsrc", "--only-source", name],
                             capture_output=True, text=True)
        return [part for part in run.stdout.split("\n\n") if part.strip()]

    def newest(self, name):
        """(version, [(sha256, size, file)]) of the upstream tarball; packaging files and component
        tarballs (other projects, other licences) are left out."""
        records = self.records(name)
        if not records:
            return None
        record = records[0]
        version = re.search(r"^Version: (.+)$", record, re.M).group(1)
        sums = re.search(r"^Checksums-Sha256:\n((?: .+\n?)+)", record, re.M).group(1)
        files = [line.split() for line in sums.splitlines()]
        files = [(h, int(size), file) for h, size, file in files
                 if ".orig.tar." in file and not file.endswith(".asc")]
        return version, files

    def download(self, name, version, folder):
        subprocess.run(["apt-get", *self.options, "-q", "source", "--download-only", "--only-source",
                        f"{name}={version}"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Apts(dict):
    """One private apt state per suite, made when first asked for."""

    def __init__(self, folder):
        self.folder, self.lock = folder, threading.Lock()

    def __missing__(self, suite):
        with self.lock:
            if suite not in self.keys():
                apt = Apt(self.folder / f"apt-{suite}", suite)
                apt.update()
                self[suite] = apt
        return self[suite]


# ---------------------------------------------------------------- commands

def pins():
    return json.loads((HERE / "corpus.json").read_text())


def sources():
    held_out = pins()["excluded_by_name"]
    for line in (HERE / "sources.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            registry, name, licence, *rest = line.split()
            registry, _, suite = registry.partition(":")
            if name in held_out:
                sys.exit(f"sources.txt: {name} is held out by name")
            if licence not in LICENCES:
                sys.exit(f"sources.txt: {name}: licence {licence} is not on the permissive list")
            extra = {"only": rest[0].removeprefix("only=").split(",")} if rest else {}
            yield registry, suite or "bookworm", name, licence, extra


def resolve(folder):
    apts = Apts(folder)

    def one(entry):
        registry, suite, name, licence, extra = entry
        try:
            if registry == "pypi":
                info, file = newest_sdist(name)
                if not file or file["size"] > MAX_BYTES["pypi"]:
                    return None, f"{name}: no sdist of usable size"
                stated = info.get("license_expression") or (info.get("license") or "")[:60].replace("\n", " ")
                stated = stated or "; ".join(c.split(" :: ")[-1] for c in info["classifiers"] if c.startswith("License"))
                return [dict(registry="pypi", name=name, version=info["version"], file=file["filename"],
                             sha256=file["digests"]["sha256"], bytes=file["size"], licence=licence, **extra)], \
                    f"{name}: {licence} | states {stated}"
            found = apts[suite].newest(name)
            if not found:
                return None, f"{name}: not in Debian {suite}"
            version, files = found
            rows = [dict(registry="debian", suite=suite, name=name, version=version, file=file, sha256=h,
                         bytes=size, licence=licence, **extra) for h, size, file in files if size <= MAX_BYTES["debian"]]
            return rows, f"{name}: {licence} ({len(rows)}/{len(files)} tarballs)"
        except (urllib.error.URLError, OSError, AttributeError) as error:
            return None, f"{name}: {error}"

    packages = []
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for rows, note in pool.map(one, sources()):
            print(("      " if rows else "SKIP  ") + note, file=sys.stderr)
            packages += rows or []
    old = pins()
    rows = lambda items: "[\n  " + ",\n  ".join(json.dumps(item) for item in items) + "\n ]"
    text = json.dumps(dict(excluded_by_name=old["excluded_by_name"], packages=[], held_out=[]), indent=1)
    text = text.replace('"packages": []', '"packages": ' + rows(packages))
    text = text.replace('"held_out": []', '"held_out": ' + rows(old["held_out"]))
    (HERE / "corpus.json").write_text(text + "\n")
    print(f"{len(packages)} files, {sum(p['bytes'] for p in packages) / 1e6:.0f} MB", file=sys.stderr)


def check_out(repository, folder):
    """A held-out repository with its history, at the pinned commit; and the code of that commit by itself."""
    place, tree = folder / "heldout" / repository["name"], folder / "heldout-tree" / repository["name"]
    if not place.exists():
        part = place.with_name(place.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(exist_ok=True)
        subprocess.run(["git", "clone", "-q", repository["url"], str(part)], check=True)
        part.rename(place)
    if not tree.exists():
        subprocess.run(["git", "-C", str(place), "checkout", "-q", repository["commit"]], check=True)
        part = tree.with_name(tree.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        for name in subprocess.run(["git", "-C", str(place), "ls-files", "-z"], check=True, capture_output=True,
                                   text=True).stdout.split("\0"):
            source = place / name
            if CODE.search(name) and source.is_file() and not source.is_symlink() and source.stat().st_size <= 200_000:
                (part / name).parent.mkdir(parents=True, exist_ok=True)
                (part / name).write_bytes(source.read_bytes())
        part.rename(tree)


def fetch(folder):
    corpus = pins()
    target = folder / "packages"
    target.mkdir(parents=True, exist_ok=True)
    wanted = [p for p in corpus["packages"]
              if not (target / p["file"]).exists() or sha256(target / p["file"]) != p["sha256"]]
    apts = Apts(folder)
    problems = []

    def pypi(package):
        page = f"{PyPI.simple_url}/{package['name']}/"
        links = json.loads(get(page, accept="application/vnd.pypi.simple.v1+json"))["files"]
        url = next((file["url"] for file in links if file["filename"] == package["file"]), None)
        if not url:
            raise OSError(f"PyPI has no {package['file']}")
        write_whole(target / package["file"], get(urllib.parse.urljoin(page, url), 300))

    def one(package):
        try:
            if package["registry"] == "pypi":
                pypi(package)
            elif not (target / package["file"]).exists():
                apts[package["suite"]].download(package["name"], package["version"], target)
            if not (target / package["file"]).exists():
                raise OSError("the registry does not give the file")
            if sha256(target / package["file"]) != package["sha256"]:
                (target / package["file"]).unlink()
                raise OSError(f"{package['file']}: SHA-256 differs from corpus.json")
            print(f"fetched {package['file']}", file=sys.stderr)
        except OSError as error:
            problems.append(f"{package['name']} {package['version']}: {error}")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(one, [p for p in wanted if p["registry"] == "pypi"]))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(one, [p for p in wanted if p["registry"] == "debian"]))
    for repository in corpus["held_out"]:
        try:
            check_out(repository, folder)
        except (OSError, subprocess.CalledProcessError) as error:
            problems.append(f"{repository['name']}: {error}")
    for problem in problems:
        print("fetch: " + problem, file=sys.stderr)
    if problems and not os.environ.get("GEMFILL_PRETRAIN_ALLOW_MISSING"):
        sys.exit("fetch: packages are missing; GEMFILL_PRETRAIN_ALLOW_MISSING=1 goes on without them")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["resolve", "fetch"])
    parser.add_argument("--dir", type=pathlib.Path, required=True)
    options = parser.parse_args()
    {"resolve": resolve, "fetch": fetch}[options.command](options.dir.resolve())
