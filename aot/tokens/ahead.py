"""Documents that are encoded ahead of their writer, by threads or by processes, and come in their order."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import numpy as np

from aot.base.machine import cores

Encoded = dict[str, tuple[np.ndarray, np.ndarray]]  # ids [n] and counts [D, 4] of each split
THREADS = 2  # while one takes ids out of the tokenizer, which needs the interpreter, the tokenizer works for the other
PROCESSES_FROM = 100_000_000  # bytes of text from which processes make up for the seconds that they take to start


def processes_for(text_bytes: int, level: str, reverse: bool) -> int:
    """How many processes encode a text: one for each core that this one may use, where there are more than two.

    One alone uses the threads of the tokenizer, which keep two cores busy; a short text is done before others start,
    and bytes are encoded faster than they are sent.
    """
    slow = level != "byte" or reverse
    return cores() if cores() > 2 and slow and text_bytes >= PROCESSES_FROM else 1


def pool(encode_chunk: Callable[[list], Encoded], processes: int) -> tuple[Executor, Callable, int]:
    """What runs `encode_chunk`: threads or processes, the function to submit to them, and how many at a time."""
    if processes == 1:
        return ThreadPoolExecutor(THREADS), encode_chunk, THREADS + 1
    context = multiprocessing.get_context("forkserver")
    # nearly all of what a process imports, and found wherever the script is started from: 2 s once, not in each
    context.set_forkserver_preload(["transformers.models.auto.tokenization_auto"])
    return ProcessPoolExecutor(processes, context, begin_work, (encode_chunk,)), work, 2 * processes


@contextmanager
def without_interrupt() -> Iterator[None]:
    """Ctrl-C waits for its end, and never reaches processes that start in it: the one that started them ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_work(encode_chunk: Callable[[list], Encoded]) -> None:
    """What a process does first: it gets `encode_chunk`, whose tokenizer is too large to be sent with each chunk."""
    global encode_here
    encode_here = encode_chunk
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """A process that waits for work would not notice that there is nobody left to send any."""
    multiprocessing.parent_process().join()
    os._exit(1)


def work(chunk: list) -> Encoded:
    """What a process does with each chunk: the `encode_chunk` that it got at its beginning."""
    return encode_here(chunk)


def encode_ahead(
    chunks: Iterable[list], encode_chunk: Callable[[list], Encoded], processes: int
) -> Iterator[Encoded]:
    """`encode_chunk` of each chunk, in their order, of which a few are encoded ahead; ValueError if a process ends."""
    executor, encode_one, at_a_time = pool(encode_chunk, processes)
    try:
        ahead = deque()
        for chunk in chunks:
            with without_interrupt():
                ahead.append(executor.submit(encode_one, chunk))
            if len(ahead) == at_a_time:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    except BrokenProcessPool as error:
        raise ValueError(
            "a process that encodes was ended, which happens where memory is short; run the same command again, it "
            "goes on where it stopped, with fewer --preprocessing_num_workers"
        ) from error
    finally:
        executor.shutdown(cancel_futures=True)
