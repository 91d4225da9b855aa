"""VAEs of hard categorical codes, trained with RELAX and its relatives."""
