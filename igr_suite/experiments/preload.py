"""Imported once by the process that workers are forked from: loads TensorFlow with the executors, so that a run starts in milliseconds.

Importing TensorFlow takes seconds but starts no runtime; `worker.forked` starts afresh if an import did start it.
"""

import contextlib
import importlib
import os
import signal

for _number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_number, signal.SIG_IGN)  # the runner forwards signals to workers, which install their own handlers

_silence = os.open(os.devnull, os.O_WRONLY)
_streams = [(number, os.dup(number)) for number in (1, 2)]
for _number, _ in _streams:
    os.dup2(_silence, _number)
for _module in filter(None, os.environ.get("IGR_PRELOAD", "").split(",")):
    with contextlib.suppress(Exception):  # the worker meets the same error and reports it
        importlib.import_module(_module)
for _number, _saved in _streams:
    os.dup2(_saved, _number)
    os.close(_saved)
os.close(_silence)
