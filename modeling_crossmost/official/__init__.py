"""Conversion of the official checkpoints of CrossMoST, ULIP and Point-BERT."""
