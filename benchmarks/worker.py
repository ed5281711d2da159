"""A library in a process of its own, perhaps of another Python: ``PYTHON -m benchmarks.worker MODULE``.

It takes part in a race: asked over a pipe, one JSON object a line, it runs a job and answers the
seconds; whoever asks waits meanwhile.  The module is one with ``JOBS``, as in `benchmarks.peers`.
"""

import contextlib
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.timing import stopwatch

ROOT = Path(__file__).parents[1]


class Worker:
    """The asking end."""

    def __init__(self, module, python=sys.executable, env=None):
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", module],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.facts = self.ask(do="facts")
        except RuntimeError:
            self.close()
            raise

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the missing answer says so
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the worker ended")
        answer = json.loads(answer)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self):
        with contextlib.suppress(BrokenPipeError):  # of what it was asked after it had ended
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


class Answers:
    """The answering end: each public method is something that can be asked."""

    def __init__(self, module):
        self.module = importlib.import_module(module)

    def facts(self):
        return {
            "version": self.module.VERSION,
            "jobs": list(self.module.JOBS),
            "approximate": list(getattr(self.module, "APPROXIMATE", ())),
            "instructions": getattr(self.module, "instructions", list)(),
            "threads_variable": getattr(self.module, "THREADS_VARIABLE", None),
        }

    def prepare(self, job, images, threads):
        self.watch = None  # lets go of the arrays of the job before
        self.set_threads(threads)
        self.watch = stopwatch(self.module.JOBS[job](np.load(images), threads))
        return {}

    def seconds(self, n):
        return {"seconds": self.watch(n)}

    def memory(self, job, small, images, threads):
        """Return the peak of memory above that with the input loaded, in a child: a fresh process."""
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            os.write(theirs, json.dumps(self.peak(job, small, images, threads)).encode())
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as answer:
            text = answer.read()
        os.waitpid(child, 0)
        return json.loads(text) if text else {"error": "the process ended"}

    def peak(self, job, small, images, threads):
        try:
            self.set_threads(threads)
            self.module.JOBS[job](np.load(small), threads)()  # imports and compiles
            array = np.load(images)
            reset_peak()
            before = memory_of_process("VmRSS")
            self.module.JOBS[job](array, threads)()
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return {"bytes": memory_of_process("VmHWM") - before}

    def set_threads(self, n):
        getattr(self.module, "set_threads", lambda n: None)(n)


def reset_peak():
    """Let the kernel count the peak of memory from now on (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def memory_of_process(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def answers_only():
    """Return a file for answers; what libraries print goes to the standard error from now on."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def main():
    answers, worker, failure = answers_only(), None, None
    try:
        worker = Answers(sys.argv[1])
    except Exception as error:
        failure = {"error": f"{type(error).__name__}: {error}"}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = failure or getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
