"""Both directions at once, each in a process of its own."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path

import torch

from aot.base.collector import collect_as_usual
from aot.base.machine import cores
from aot.tokens.windows import DIRECTIONS


@contextmanager
def environment_of(number: int) -> Iterator[None]:
    """Makes `os.environ` for a while that of the process of one direction, which its libraries read when they start.

    Half of the cores unless the user says how many, a GPU of its own where there are two, a line for its progress bar.
    """
    before, gpus = dict(os.environ), torch.cuda.device_count()
    os.environ |= {"OMP_NUM_THREADS": str(max(1, cores() // len(DIRECTIONS)))} | before
    os.environ["TQDM_POSITION"] = str(number)
    if gpus >= len(DIRECTIONS):
        visible = before.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(gpus)))
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[number]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def at_once(work: Callable, *arguments) -> None:
    """Do `work(direction, *arguments)` for both directions; SystemExit with the status of the first that fails.

    The other one is then told to stop, as both are where this process is.
    """
    running, told, failed = {}, threading.Event(), 0

    def stop(*_):
        told.set()
        for process in running.values():
            process.terminate()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        for number, direction in enumerate(DIRECTIONS):
            # a new interpreter: a fork would have the threads of OpenMP that this one has
            context, arguments_of_it = multiprocessing.get_context("spawn"), (work, direction, *arguments)
            process = context.Process(target=work_alone, args=arguments_of_it, name=direction)
            with environment_of(number):
                process.start()
            running[process.sentinel] = process
        if told.is_set():  # while one was started, which has not heard of it
            stop()
        while running:
            for sentinel in wait(list(running)):
                process = running.pop(sentinel)
                process.join()  # a sentinel is ready some moments before the status is known
                if process.exitcode and not failed:
                    failed = process.exitcode
                    stop()
        if told.is_set() and not failed:  # both had come to their end, and nothing more is to begin
            failed = -signal.SIGTERM
    finally:
        stop()
        for process in running.values():
            process.join()
        signal.signal(signal.SIGTERM, before)
    if failed:
        raise SystemExit(failed if failed > 0 else 128 - failed)


def work_alone(work: Callable, direction: str, *arguments) -> None:
    """What the process of a direction does; it is told to stop when the one that started it is gone."""

    def follow():
        multiprocessing.parent_process().join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True).start()
    collect_as_usual()
    try:
        work(direction, *arguments)
    except KeyboardInterrupt:  # the process that started it has it, too, and says so
        sys.exit(130)


def leave_together() -> None:
    """End the processes of a launch at one time: one that left while others still wrote would take them down."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def wait_for(path: Path) -> None:
    """Return when a file is there that the other process writes; if that one fails, this one is ended."""
    while not path.exists():
        time.sleep(0.1)
