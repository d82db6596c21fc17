"""Settings for all tests: one thread (several are slower on shared cores), quiet libraries."""

import os

import torch
from transformers.utils import logging


os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
torch.set_num_threads(1)
logging.disable_progress_bar()
