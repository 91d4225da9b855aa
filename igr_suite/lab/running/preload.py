"""Imported once by the process that workers are forked from: loads TensorFlow with the executors, so that a run starts
in milliseconds.

Importing TensorFlow takes seconds but starts no runtime; `worker.forked` starts afresh if an import did start it.
"""

import contextlib
import importlib
import os
import signal

from igr_suite import terminal
from igr_suite.lab.runs.own_settings import pin
from igr_suite.lab.runs.quiet import quiet

pin()
terminal.guard()
for _number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(_number, signal.SIG_IGN)  # the runner forwards signals to workers, which install their own handlers

with quiet():
    for _module in filter(None, os.environ.get("IGR_PRELOAD", "").split(",")):
        with contextlib.suppress(Exception):  # the worker meets the same error and reports it
            importlib.import_module(_module)
