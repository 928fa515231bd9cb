"""Runs a script in a process of its own, which need not import the app first.

A server process imports the app once and forks for each run.
"""

import multiprocessing
import os
import runpy
import sys
from pathlib import Path
from subprocess import CompletedProcess
from tempfile import TemporaryDirectory

_SECONDS = 60
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["app.mail.worker", "app.diagnostics.mongodb", __name__])


def run_forked(
    command: list[str], environment: dict[str, str], stdin: str
) -> CompletedProcess[str]:
    """Runs `command`, a script and its arguments, and returns its output and exit status.

    Raises:
        TimeoutError: it did not end within 60 seconds.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "0").write_text(stdin)
        process = _processes.Process(target=_run, args=(command, environment, folder))
        process.start()
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"{command} did not end within {_SECONDS} s")
        output, errors = ((folder / number).read_text() for number in ("1", "2"))
    return CompletedProcess(command, process.exitcode, output, errors)


def _run(command: list[str], environment: dict[str, str], folder: Path) -> None:
    modes = (os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_WRONLY | os.O_CREAT)
    for number, mode in enumerate(modes):
        os.dup2(os.open(folder / str(number), mode), number)
    sys.stdin = os.fdopen(0, closefd=False)  # multiprocessing has replaced it
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    scripts = Path(command[0]).parent
    sys.path.insert(0, str(scripts))
    os.chdir(scripts.parent)
    runpy.run_path(command[0], run_name="__main__")
