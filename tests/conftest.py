import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:  # one thread a process: `make test` runs two
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
