"""Methods, losses and everything else that a training run needs."""
