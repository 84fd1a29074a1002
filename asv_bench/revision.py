"""A revision of this repository as a folder that Python can import qd8 from.

qd8 is pure Python: a revision's files and a kernel cache of its own are all it needs.
Files come from `git archive` and not from a worktree: nothing is registered in .git,
no hook runs, and a folder that is deleted leaves nothing behind.
"""

import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".asv" / "revisions"
ROOMS = ("qd8", "reference")


class Revision(NamedTuple):
    """sha : full commit hash; root : the folder that holds ``qd8`` and ``reference``"""

    sha: str
    root: Path

    def environment(self) -> dict[str, str]:
        """Return the variables under which qd8 and qd8_reference are this revision's.

        The benchmarks are always this checkout's, so that two revisions are measured
        by one ruler. asv takes its path from a variable of its own.
        """
        folders = (self.root, self.root / "reference", ROOT)
        path = os.pathsep.join(map(str, folders))
        cache = KEPT / f"{self.sha}.kernels"
        return {
            **os.environ,
            "PYTHONPATH": path,
            "ASV_PYTHONPATH": path,
            "NUMBA_CACHE_DIR": str(cache),
        }


def git(*arguments: str) -> str:
    """Run git in this repository; return what it prints, without the last newline.

    Raises
    ------
    ValueError
        If git refuses; its own words are in the message.
    """
    found = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    if found.returncode:
        raise ValueError(f"git {' '.join(arguments)}: {found.stderr.strip()}")
    return found.stdout.rstrip("\n")


def working_tree() -> Revision:
    """Return what is in this checkout now, whether it is committed or not."""
    return Revision("working-tree", ROOT)


def changed() -> list[str]:
    """Files of qd8 and the reference that differ from the last commit."""
    return git("status", "--porcelain", "--", *ROOMS).splitlines()


def checkout(name: str) -> Revision:
    """Return a revision's files, unpacked under .asv the first time.

    Raises
    ------
    ValueError
        If git knows no such revision, or it holds no qd8.
    """
    sha = git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") if name else ""
    if not sha:
        raise ValueError("no revision is named")
    root = KEPT / sha
    if not root.exists():
        rooms = [room for room in ROOMS if git("ls-tree", sha, "--", room)]
        if "qd8" not in rooms:
            raise ValueError(f"{name} ({sha[:10]}) holds no folder qd8")
        packed = subprocess.run(
            ["git", "archive", sha, *rooms], cwd=ROOT, capture_output=True, check=True
        )
        partial = KEPT / f"{sha}.{os.getpid()}"
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
            archive.extractall(partial, filter="data")
        partial.rename(root)  # whole or not at all
    return Revision(sha, root)
