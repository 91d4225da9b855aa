"""Results of finished runs: frames, paired comparisons, ledgers, claims, exports."""
