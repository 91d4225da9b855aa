"""The discrete distributions whose logits the estimators differentiate."""
