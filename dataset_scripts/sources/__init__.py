"""The paper's data sets and ULIP's pre-training set, read from the archives as people download them."""
